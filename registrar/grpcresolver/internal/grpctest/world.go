// Package grpctest has a registry and gRPC servers for tests of clients, in a network in
// memory: for bubbles of synctest.
package grpctest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"

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

// quiet keeps the lost contact that tests make out of their output.
var quiet = registrar.WithLogger(slog.New(slog.DiscardHandler))

// port is what servers listen at.
const port = 9000

// World is a registry and a network in memory with gRPC servers.
type World struct {
	t        *testing.T
	Store    *memory.Store
	Registry *registrar.Client

	mu        sync.Mutex
	listeners map[string]*bufconn.Listener // by address
}

// New returns a World whose parts end with the test.
func New(t *testing.T) *World {
	t.Helper()
	w := &World{t: t, Store: memory.NewStore(), listeners: map[string]*bufconn.Listener{}}
	w.Registry = w.Open()
	return w
}

// Open returns another client of the registry.
func (w *World) Open() *registrar.Client {
	w.t.Helper()
	c, err := registrar.Open(w.t.Context(), memory.Name, memory.WithStore(w.Store), quiet)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

// Register registers instances of orders.
func (w *World) Register(instances ...registrar.Instance) {
	w.t.Helper()
	if err := w.Registry.Register(w.t.Context(), &registrar.Service{Name: "orders", Instances: instances}); err != nil {
		w.t.Fatal(err)
	}
}

// Unregister unregisters instances of orders.
func (w *World) Unregister(ids ...string) {
	w.t.Helper()
	s := &registrar.Service{Name: "orders"}
	for _, id := range ids {
		s.Instances = append(s.Instances, registrar.Instance{ID: id})
	}
	if err := w.Registry.Unregister(w.t.Context(), s); err != nil {
		w.t.Fatal(err)
	}
}

// Instance returns one with a port for gRPC.
func Instance(id, address string) registrar.Instance {
	return registrar.Instance{
		ID: id, Addresses: []netip.Addr{netip.MustParseAddr(address)},
		Ports: []registrar.Port{{Name: "http", Port: 80}, {Name: "grpc", Port: port}},
	}
}

// Server is a gRPC server that says its name.
type Server struct {
	pb.UnimplementedTestServiceServer
	*grpc.Server
	Name   string
	Health *health.Server

	mu     sync.Mutex
	answer func(context.Context) error // nil for none
}

// UnaryCall implements pb.TestServiceServer.
func (s *Server) UnaryCall(ctx context.Context, _ *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		if err := answer(ctx); err != nil {
			return nil, err
		}
	}
	return &pb.SimpleResponse{ServerId: s.Name}, nil
}

// On sets what a server does before it answers.
func (s *Server) On(answer func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// Serve starts a server at an address.
func (w *World) Serve(name, address string) *Server {
	w.t.Helper()
	l := bufconn.Listen(1 << 16) // a buffer, so that neither side waits for the other's handshake
	s := &Server{Server: grpc.NewServer(), Name: name, Health: health.NewServer()}
	pb.RegisterTestServiceServer(s, s)
	healthpb.RegisterHealthServer(s, s.Health)
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

// Start starts a server and registers it.
func (w *World) Start(in registrar.Instance) *Server {
	w.t.Helper()
	w.Register(in)
	return w.Serve(in.ID, in.Addresses[0].String())
}

// connect connects to what listens at an address.
func (w *World) connect(ctx context.Context, address string) (net.Conn, error) {
	w.mu.Lock()
	l := w.listeners[address]
	w.mu.Unlock()
	if l == nil {
		return nil, errors.New("connection refused")
	}
	return l.DialContext(ctx)
}

// Dial returns a connection to a target, with a service config.
func (w *World) Dial(target, config string) *grpc.ClientConn {
	w.t.Helper()
	cc, err := grpc.NewClient(target,
		grpc.WithResolvers(grpcresolver.New(w.Registry)),
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

// Call sends a request, and returns the name of who answered.
func Call(ctx context.Context, cc *grpc.ClientConn, opts ...grpc.CallOption) (name string, err error) {
	response, err := pb.NewTestServiceClient(cc).UnaryCall(ctx, &pb.SimpleRequest{}, opts...)
	return response.GetServerId(), err
}

// Calls sends requests one after the other, and returns how many each server has answered;
// those that failed are under "".
func (w *World) Calls(cc *grpc.ClientConn, n int) map[string]int {
	w.t.Helper()
	answered := map[string]int{}
	for range n {
		name, _ := Call(w.t.Context(), cc)
		answered[name]++
	}
	return answered
}
