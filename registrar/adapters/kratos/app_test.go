package kratos_test

import (
	"context"
	"fmt"
	"io"
	nethttp "net/http"
	"sync"
	"testing"

	gokratos "github.com/go-kratos/kratos/v2"
	"github.com/go-kratos/kratos/v2/transport/grpc"
	"github.com/go-kratos/kratos/v2/transport/http"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/rosterdns/roster/registrar/adapters/kratos"
	"github.com/rosterdns/roster/registrar/memory"
)

// start runs an application with a server for gRPC and one for HTTP, and returns when it is
// registered. end stops it.
func start(t *testing.T, r *kratos.Registry, id string) (end func()) {
	t.Helper()
	grpcServer := grpc.NewServer(grpc.Address("127.0.0.1:0"))
	httpServer := http.NewServer(http.Address("127.0.0.1:0"))
	httpServer.HandleFunc("/id", func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, id) })
	started := make(chan struct{})
	app := gokratos.New(gokratos.ID(id), gokratos.Name("orders"), gokratos.Version("1.2.3"), gokratos.Registrar(r),
		gokratos.Server(grpcServer, httpServer),
		gokratos.AfterStart(func(context.Context) error { close(started); return nil }))
	var done sync.WaitGroup
	done.Go(func() {
		if err := app.Run(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	<-started
	end = sync.OnceFunc(func() {
		if err := app.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
		done.Wait()
	})
	t.Cleanup(end)
	return end
}

// TestApplication: two applications are found by kratos' own clients for gRPC and HTTP.
func TestApplication(t *testing.T) {
	r := kratos.New(open(t, memory.NewStore()))
	endA := start(t, r, "a")
	start(t, r, "b")

	cc, err := grpc.DialInsecure(t.Context(), grpc.WithEndpoint("discovery:///orders%3Fstatus=any"), grpc.WithDiscovery(r))
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	if _, err := healthpb.NewHealthClient(cc).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("gRPC: %v", err)
	}

	client, err := http.NewClient(t.Context(), http.WithEndpoint("discovery:///default/orders"), http.WithDiscovery(r), http.WithBlock())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	answered := map[string]bool{}
	for len(answered) < 2 && t.Context().Err() == nil {
		answered[ask(t, client)] = true
	}
	w, err := r.Watch(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Stop() }()
	if list, err := w.Next(); err != nil || len(list) != 2 || list[0].Version != "1.2.3" || len(list[0].Endpoints) != 2 {
		t.Errorf("two applications: %v, %v", list, err)
	}
	endA()
	if list, err := w.Next(); err != nil || len(list) != 1 || list[0].ID != "b" {
		t.Errorf("one has stopped: %v, %v", list, err)
	}
	if _, err := healthpb.NewHealthClient(cc).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("gRPC: %v", err)
	}
}

// ask returns who answers a request.
func ask(t *testing.T, client *http.Client) string {
	t.Helper()
	request, err := nethttp.NewRequestWithContext(t.Context(), nethttp.MethodGet, "http://orders/id", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatalf("HTTP: %v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
