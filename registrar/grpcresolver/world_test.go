package grpcresolver_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/test/bufconn"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/grpcresolver"
	"github.com/rosterdns/roster/registrar/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet keeps the lost contact that tests make out of their output.
var quiet = registrar.WithLogger(slog.New(slog.DiscardHandler))

// port is what servers listen at.
const port = 9000

// world is a registry and a network in memory with gRPC servers, for bubbles of synctest.
type world struct {
	t        *testing.T
	store    *memory.Store
	registry *registrar.Client

	mu        sync.Mutex
	listeners map[string]*bufconn.Listener // by address
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: memory.NewStore(), listeners: map[string]*bufconn.Listener{}}
	w.registry = w.open()
	return w
}

// open returns another client of the registry.
func (w *world) open() *registrar.Client {
	w.t.Helper()
	c, err := registrar.Open(w.t.Context(), memory.Name, memory.WithStore(w.store), quiet)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

// register registers instances of orders.
func (w *world) register(instances ...registrar.Instance) {
	w.t.Helper()
	if err := w.registry.Register(w.t.Context(), &registrar.Service{Name: "orders", Instances: instances}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) unregister(ids ...string) {
	w.t.Helper()
	s := &registrar.Service{Name: "orders"}
	for _, id := range ids {
		s.Instances = append(s.Instances, registrar.Instance{ID: id})
	}
	if err := w.registry.Unregister(w.t.Context(), s); err != nil {
		w.t.Fatal(err)
	}
}

// instance returns one with a port for gRPC.
func instance(id, address string) registrar.Instance {
	return registrar.Instance{
		ID: id, Addresses: []netip.Addr{netip.MustParseAddr(address)},
		Ports: []registrar.Port{{Name: "http", Port: 80}, {Name: "grpc", Port: port}},
	}
}

// server is a gRPC server that says its name.
type server struct {
	pb.UnimplementedTestServiceServer
	*grpc.Server
	name   string
	health *health.Server

	mu     sync.Mutex
	answer func(context.Context) error // nil for none
}

// UnaryCall implements pb.TestServiceServer.
func (s *server) UnaryCall(ctx context.Context, _ *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		if err := answer(ctx); err != nil {
			return nil, err
		}
	}
	return &pb.SimpleResponse{ServerId: s.name}, nil
}

// on sets what a server does before it answers.
func (s *server) on(answer func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// serve starts a server at an address.
func (w *world) serve(name, address string) *server {
	w.t.Helper()
	l := bufconn.Listen(1 << 16) // a buffer, so that neither side waits for the other's handshake
	s := &server{Server: grpc.NewServer(), name: name, health: health.NewServer()}
	pb.RegisterTestServiceServer(s, s)
	healthpb.RegisterHealthServer(s, s.health)
	w.mu.Lock()
	w.listeners[netip.AddrPortFrom(netip.MustParseAddr(address), port).String()] = l
	w.mu.Unlock()
	var done sync.WaitGroup
	done.Go(func() { _ = s.Serve(l) })
	w.t.Cleanup(func() {
		s.Stop()
		done.Wait()
	})
	return s
}

// start starts a server and registers it.
func (w *world) start(in registrar.Instance) *server {
	w.t.Helper()
	w.register(in)
	return w.serve(in.ID, in.Addresses[0].String())
}

// connect connects to what listens at an address.
func (w *world) connect(ctx context.Context, address string) (net.Conn, error) {
	w.mu.Lock()
	l := w.listeners[address]
	w.mu.Unlock()
	if l == nil {
		return nil, errors.New("connection refused")
	}
	return l.DialContext(ctx)
}

// dial returns a connection to a target, with a service config.
func (w *world) dial(target, config string) *grpc.ClientConn {
	w.t.Helper()
	cc, err := grpc.NewClient(target,
		grpc.WithResolvers(grpcresolver.New(w.registry)),
		grpc.WithDefaultServiceConfig(config),
		grpc.WithContextDialer(w.connect),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = cc.Close() })
	cc.Connect()
	return cc
}

// call sends a request, and returns the name of who answered.
func call(ctx context.Context, cc *grpc.ClientConn, opts ...grpc.CallOption) (name string, err error) {
	response, err := pb.NewTestServiceClient(cc).UnaryCall(ctx, &pb.SimpleRequest{}, opts...)
	return response.GetServerId(), err
}

// calls sends requests one after the other, and returns how many each server has answered;
// those that failed are under "".
func (w *world) calls(cc *grpc.ClientConn, n int) map[string]int {
	w.t.Helper()
	answered := map[string]int{}
	for range n {
		name, _ := call(w.t.Context(), cc)
		answered[name]++
	}
	return answered
}
