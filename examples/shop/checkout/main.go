// Checkout finds two services, one by gRPC and one by DNS, and uses both until Ctrl-C or TERM.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rosterdns/roster/examples/shop/stockrpc"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/grpcresolver"

	_ "github.com/rosterdns/roster/registrar/etcd"
)

// timeout bounds one request: all that a person would wait for.
const timeout = 5 * time.Second

func main() {
	server := flag.String("dns", "", "`address` of the DNS server; empty for those of the system")
	every := flag.Duration("every", time.Second, "`duration` from one request to the next")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *server, *every); err != nil {
		log.Fatalf("checkout: %v", err)
	}
}

func run(ctx context.Context, server string, every time.Duration) error {
	options, err := registrar.OptionsFromEnv() // REGISTRAR_ENDPOINTS and so on
	if err != nil {
		return err
	}
	registry, err := registrar.Open(ctx, "etcd", options...)
	if err != nil {
		return err // an option is wrong; etcd being away is no error
	}
	defer registry.Close()

	// One connection for all requests: it follows the instances of stock, and takes them in turn.
	stock, err := grpc.NewClient("roster:///stock",
		grpc.WithResolvers(grpcresolver.New(registry)),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithNoProxy(),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer stock.Close()

	prices := newPrices(resolver(server))
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		check(ctx, stock, prices)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// check asks both services about an item, and prints what they say.
func check(ctx context.Context, stock *grpc.ClientConn, prices *prices) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	count, err := stockrpc.Count(ctx, stock, "apples")
	if err != nil {
		report(ctx, err)
		return
	}
	price, err := prices.of(ctx, "apples")
	if err != nil {
		report(ctx, err)
		return
	}
	fmt.Fprintf(os.Stdout, "checkout: %s, %s\n", count, price)
}

// report logs why a request failed, unless it was because the program ends.
func report(ctx context.Context, err error) {
	if !errors.Is(ctx.Err(), context.Canceled) {
		log.Printf("checkout: failed: %v", err)
	}
}

// resolver returns a resolver that asks one DNS server. A program needs none where the
// system's DNS servers forward the zone to CoreDNS.
func resolver(server string) *net.Resolver {
	if server == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, server)
	}}
}
