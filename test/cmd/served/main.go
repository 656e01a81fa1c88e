// Command served is a server of a service, for tests of how services are restarted: by
// HTTP, or with -grpc gRPC's health service. It answers each request, after some work, with
// its instance's ID, which in gRPC is the header "id". With -endpoints it
// registers itself by the library; without, something else does that.
//
// On TERM it tells clients by its status that it is draining, goes on for -drain-delay,
// ends what is in flight, and unregisters.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"

	_ "github.com/rosterdns/roster/registrar/etcd" // the driver
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "served:", err)
		os.Exit(1)
	}
}

// server is what the flags describe.
type server struct {
	listen, id, service, endpoint string
	work, lease, drainDelay       time.Duration
	byGRPC                        bool
}

func run() error {
	var s server
	flag.StringVar(&s.listen, "listen", "", "IP:PORT to listen at")
	flag.StringVar(&s.id, "id", "", "ID of the instance")
	flag.StringVar(&s.service, "service", "orders", "the service")
	flag.StringVar(&s.endpoint, "endpoint", "", "etcd in which to register")
	flag.DurationVar(&s.work, "work", 0, "how long a request takes")
	flag.DurationVar(&s.lease, "lease", registrar.DefaultLeaseTTL, "TTL of the lease")
	flag.DurationVar(&s.drainDelay, "drain-delay", 0, "how long it goes on while draining")
	flag.BoolVar(&s.byGRPC, "grpc", false, "serve gRPC")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	shutdown := s.serve(listener)

	if s.endpoint == "" {
		announce()
		<-ctx.Done()
	} else if err := s.register(ctx); err != nil {
		return err
	}
	return shutdown()
}

// serve serves, and returns what ends that: it waits for the last request, or until
// somebody kills it.
func (s *server) serve(listener net.Listener) (shutdown func() error) {
	served := make(chan error, 1)
	if s.byGRPC {
		server := grpc.NewServer(grpc.UnaryInterceptor(s.intercept))
		healthpb.RegisterHealthServer(server, health.NewServer())
		go func() { served <- server.Serve(listener) }()
		return func() error {
			server.GracefulStop()
			return <-served
		}
	}
	server := &http.Server{Handler: http.HandlerFunc(s.answer), ReadHeaderTimeout: time.Minute}
	go func() { served <- server.Serve(listener) }()
	return func() error {
		err := server.Shutdown(context.Background())
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}
}

// intercept does for gRPC what answer does for HTTP.
func (s *server) intercept(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	time.Sleep(s.work)
	if err := grpc.SetHeader(ctx, metadata.Pairs("id", s.id)); err != nil {
		return nil, err
	}
	return handle(ctx, req)
}

// announce says that it serves, for who kills it.
func announce() { fmt.Fprintln(os.Stdout, "serving as process", os.Getpid()) }

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return // the client has gone
	}
	time.Sleep(s.work)
	_, _ = io.WriteString(w, s.id)
}

// register keeps the instance registered until ctx is done, then drained for a while.
func (s *server) register(ctx context.Context) (err error) {
	registry, err := registrar.Open(ctx, "etcd", registrar.WithEndpoints(s.endpoint), registrar.WithLeaseTTL(s.lease))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, registry.Close()) }()
	if err := s.write(registry, catalog.StatusUp); err != nil {
		return err
	}
	announce()
	<-ctx.Done()
	if err := s.write(registry, catalog.StatusDraining); err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, "draining")
	time.Sleep(s.drainDelay)
	return nil
}

// write returns when the instance is in etcd with a status.
func (s *server) write(registry *registrar.Client, status catalog.Status) error {
	addr, err := netip.ParseAddrPort(s.listen)
	if err != nil {
		return err
	}
	// It serves, registered or not: only the test ends the wait.
	ctx := context.Background()
	err = registry.Register(ctx, &registrar.Service{Name: s.service, Instances: []registrar.Instance{{
		ID: s.id, Addresses: []netip.Addr{addr.Addr()}, Ports: []registrar.Port{{Name: s.protocol(), Port: addr.Port()}}, Status: status,
	}}})
	if err != nil {
		return err
	}
	return registry.Wait(ctx)
}

// protocol is the name of the port.
func (s *server) protocol() string {
	if s.byGRPC {
		return "grpc"
	}
	return "http"
}
