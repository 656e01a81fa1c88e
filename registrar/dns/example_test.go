package dns_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"

	mdns "github.com/miekg/dns"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/dns"
)

// serveOrders starts a DNS server with one instance of orders, in place of CoreDNS.
func serveOrders(records map[string]string) (address string, stop func()) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	s := &mdns.Server{PacketConn: conn, Handler: mdns.HandlerFunc(func(w mdns.ResponseWriter, q *mdns.Msg) {
		m := new(mdns.Msg)
		m.SetReply(q)
		m.Authoritative = true
		if record, ok := records[q.Question[0].Name+" "+mdns.TypeToString[q.Question[0].Qtype]]; ok {
			rr, err := mdns.NewRR(record)
			if err != nil {
				log.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		_ = w.WriteMsg(m)
	})}
	started, done := make(chan struct{}), make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	go func() {
		defer close(done)
		_ = s.ActivateAndServe()
	}()
	<-started
	return conn.LocalAddr().String(), func() {
		_ = s.Shutdown()
		<-done
	}
}

var exampleRecords = map[string]string{
	"orders.default.svc.example.com. SRV":                        "orders.default.svc.example.com. 5 IN SRV 0 100 8080 a.orders.default.svc.example.com.",
	"_http._tcp.orders.default.svc.example.com. SRV":             "_http._tcp.orders.default.svc.example.com. 5 IN SRV 0 100 8080 a.orders.default.svc.example.com.",
	"_services._dns-sd._udp.orders.default.svc.example.com. PTR": "_services._dns-sd._udp.orders.default.svc.example.com. 5 IN PTR _http._tcp.orders.default.svc.example.com.",
	"a.orders.default.svc.example.com. A":                        "a.orders.default.svc.example.com. 5 IN A 10.0.0.7",
	"a.orders.default.svc.example.com. TXT":                      `a.orders.default.svc.example.com. 5 IN TXT "version=1.2.3"`,
}

// A program that finds a service where there is no access to etcd.
func Example() {
	ctx := context.Background()
	address, stop := serveOrders(exampleRecords)
	defer stop()
	client, err := registrar.Open(ctx, dns.Name, registrar.WithEndpoints(address), dns.WithZone("svc.example.com"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	orders, err := client.GetService(ctx, "orders")
	if err != nil {
		log.Fatal(err)
	}
	for _, in := range orders.Instances {
		addr, _ := in.HostPort("http")
		fmt.Println(in.ID, addr)
	}
	_, err = client.GetService(ctx, "payments")
	fmt.Println("payments:", errors.Is(err, registrar.ErrNotFound))
	// Output:
	// a 10.0.0.7:8080
	// payments: true
}

// Acting on changes of a set.
func ExampleNew() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	address, stop := serveOrders(exampleRecords)
	defer stop()
	client := registrar.NewClient(dns.New())
	if err := client.Init(ctx, registrar.WithEndpoints(address), dns.WithZone("svc.example.com")); err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for orders, err := range client.Watch(ctx, "orders") {
		if err != nil {
			continue // orders, if any, is the last one known
		}
		fmt.Println(len(orders.Instances), "instance")
		cancel() // this example has seen enough
	}
	// Output: 1 instance
}

// A zone of its own. The environment variable REGISTRAR_ZONE names one too, by
// registrar.OptionsFromEnv.
func ExampleWithZone() {
	client, err := registrar.Open(context.Background(), dns.Name, dns.WithZone("svc.example.com"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(client.Name())
	// Output: dns
}

// Results with the metadata of instances.
func ExampleWithMetadata() {
	ctx := context.Background()
	address, stop := serveOrders(exampleRecords)
	defer stop()
	client, err := registrar.Open(ctx, dns.Name, registrar.WithEndpoints(address), dns.WithZone("svc.example.com"), dns.WithMetadata())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	orders, err := client.GetService(ctx, "orders")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(orders.Instances[0].Metadata["version"])
	// Output: 1.2.3
}
