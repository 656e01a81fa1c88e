package gozero_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/zeromicro/go-zero/core/conf"
	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/core/proc"
	"github.com/zeromicro/go-zero/zrpc"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/adapters/gozero"
	"github.com/rosterdns/roster/registrar/memory"

	_ "github.com/rosterdns/roster/registrar/grpcresolver/weightedrandom"
)

func TestMain(m *testing.M) {
	logx.Disable()
	// go-zero has goroutines of its own that never end, from when it is imported.
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

// open returns a client of a registry.
func open(t *testing.T, store *memory.Store) *registrar.Client {
	t.Helper()
	quiet := registrar.WithLogger(slog.New(slog.DiscardHandler))
	c, err := registrar.Open(t.Context(), memory.Name, memory.WithStore(store), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// serve runs a zRPC server until proc.Shutdown, and returns its address.
func serve(t *testing.T, done *sync.WaitGroup) (listenOn string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // zRPC can't choose a port itself
	if err != nil {
		t.Fatal(err)
	}
	c := zrpc.RpcServerConf{ListenOn: l.Addr().String(), Health: true}
	c.Name = "user"
	_ = l.Close()
	server, err := zrpc.NewServer(c, func(*grpc.Server) {})
	if err != nil {
		t.Fatal(err)
	}
	done.Go(server.Start)
	return c.ListenOn
}

// dial returns a zRPC client as a configuration file makes one.
func dial(t *testing.T, file string, opts ...zrpc.ClientOption) healthpb.HealthClient {
	t.Helper()
	var c zrpc.RpcClientConf
	if err := conf.LoadFromYamlBytes([]byte(file), &c); err != nil {
		t.Fatal(err)
	}
	client, err := zrpc.NewClient(c, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Conn().Close() })
	return healthpb.NewHealthClient(client.Conn())
}

// answers returns the address of the server that answers a request.
func answers(ctx context.Context, client healthpb.HealthClient) (string, error) {
	var from peer.Peer
	_, err := client.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Peer(&from), grpc.WaitForReady(true))
	if err != nil {
		return "", err
	}
	return from.Addr.String(), nil
}

// TestZRPC: two servers are registered, found by clients with each of the balancers, and
// unregistered when the process ends.
func TestZRPC(t *testing.T) {
	registry := open(t, memory.NewStore())
	var done sync.WaitGroup
	defer done.Wait()
	defer proc.Shutdown()
	servers := map[string]bool{}
	for range 2 {
		listenOn := serve(t, &done)
		servers[listenOn] = true
		if err := gozero.Register(t.Context(), registry, "user", listenOn); err != nil {
			t.Fatal(err)
		}
	}
	resolver.Register(gozero.NewResolver(registry))
	for file, opts := range map[string][]zrpc.ClientOption{
		"Target: roster:///user\nBalancerName: p2c_ewma\nTimeout: 0":    {gozero.Discovery(registry)},
		"Target: roster:///default/user\nNonBlock: false\nTimeout: 0":   {gozero.Discovery(registry)},
		"Target: roster:///user\nBalancerName: round_robin\nTimeout: 0": {gozero.Discovery(registry)},
		"Target: roster:///user\nBalancerName: roster_weighted_random":  {gozero.Discovery(registry)},
		"Target: roster:///user": nil, // found by resolver.Register
	} {
		client := dial(t, file, opts...)
		seen := map[string]bool{}
		for len(seen) < len(servers) && t.Context().Err() == nil {
			address, err := answers(t.Context(), client)
			if err != nil || !servers[address] {
				t.Fatalf("%q: answered by %q, %v; want one of %v", file, address, err, servers)
			}
			seen[address] = true
		}
	}
	proc.WrapUp()
	if s, err := registry.GetService(t.Context(), "user"); err == nil {
		t.Errorf("the process ends: %v is still registered", s.Instances)
	}
	client := dial(t, "Target: roster:///user", gozero.Discovery(registry))
	if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("a request without a server: %v", err)
	}
}
