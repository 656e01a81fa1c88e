// Stock is a gRPC server that registers itself by the library. It unregisters, and ends,
// on Ctrl-C and TERM.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rosterdns/roster/examples/shop/stockrpc"
	"github.com/rosterdns/roster/registrar"

	_ "github.com/rosterdns/roster/registrar/etcd"
)

func main() {
	id := flag.String("id", "", "`ID` of this instance; empty for one from its address and port")
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on; port 0 is a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *id, *listen); err != nil {
		log.Fatalf("stock: %v", err)
	}
}

func run(ctx context.Context, id, listen string) error {
	options, err := registrar.OptionsFromEnv() // REGISTRAR_ENDPOINTS and so on
	if err != nil {
		return err
	}
	registry, err := registrar.Open(ctx, "etcd", options...)
	if err != nil {
		return err // an option is wrong; etcd being away is no error
	}
	defer registry.Close()

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	// From here on clients can connect, so that they may find it. A server that listens on all
	// addresses of its machine finds one to register by registrar.LocalAddresses.
	if err := register(ctx, registry, id, listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	server := grpc.NewServer()
	stockrpc.Register(server, stock{name: "stock " + id})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	select {
	case <-ctx.Done():
	case err := <-served:
		return err
	}
	// First unregister, so that clients send nothing new; then finish what they have sent.
	if err := registry.Close(); err != nil {
		log.Printf("stock: %v", err)
	}
	server.GracefulStop()
	return <-served
}

func register(ctx context.Context, registry *registrar.Client, id string, at net.Addr) error {
	address, err := netip.ParseAddrPort(at.String())
	if err != nil {
		return err
	}
	return registry.Register(ctx, &registrar.Service{Name: "stock", Instances: []registrar.Instance{{
		ID:        id,
		Addresses: []netip.Addr{address.Addr()},
		Ports:     []registrar.Port{{Name: "grpc", Port: address.Port()}},
	}}})
}

// counts are how many there are of each item.
var counts = map[string]int{"apples": 6}

// stock answers requests.
type stock struct{ name string }

func (s stock) Count(_ context.Context, item string) (string, error) {
	count, ok := counts[item]
	if !ok {
		return "", status.Errorf(codes.NotFound, "there is no item %q", item)
	}
	return fmt.Sprintf("%s has %d %s", s.name, count, item), nil
}
