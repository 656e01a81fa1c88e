package httpbalance_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/balance"
	"github.com/rosterdns/roster/registrar/httpbalance"

	_ "github.com/rosterdns/roster/registrar/memory"
)

// open returns a client of a registry with one instance of orders, which is running.
func open(ctx context.Context) (registry *registrar.Client, end func()) {
	registry, err := registrar.Open(ctx, "memory")
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s of %s", r.Method, r.URL.Path, r.Host)
	}))
	addr := netip.MustParseAddrPort(server.Listener.Addr().String())
	err = registry.Register(ctx, &registrar.Service{Name: "orders", Instances: []registrar.Instance{{
		Addresses: []netip.Addr{addr.Addr()}, Ports: []registrar.Port{{Name: "http", Port: addr.Port()}},
	}}})
	if err != nil {
		log.Fatal(err)
	}
	return registry, func() {
		server.Close()
		_ = registry.Close()
	}
}

func ExampleNewClient() {
	registry, end := open(context.Background())
	defer end()

	client := httpbalance.NewClient(registry)
	defer client.CloseIdleConnections()
	response, err := client.Get("http://orders.roster/v1/orders/7")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Status, string(text))
	// Output: 200 OK GET /v1/orders/7 of orders.roster
}

// A Transport for names as in DNS, of instances in the same locality first, on the port
// named "api".
func ExampleNew() {
	registry, end := open(context.Background())
	defer end()

	transport := httpbalance.New(registry,
		httpbalance.WithSuffix("svc.internal"),
		httpbalance.WithBalance(
			balance.WithPolicy(balance.LeastLoaded),
			balance.WithLocality("az1"),
			balance.WithPort("api"),
		),
		httpbalance.WithTryTimeout(2*time.Second),
		httpbalance.WithRetryBudget(0.1),
	)
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	_ = client
}

// A reverse proxy in front of a service.
func ExampleTransport() {
	registry, end := open(context.Background())
	defer end()

	transport := httpbalance.New(registry)
	defer transport.CloseIdleConnections()
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "orders.roster"
		},
	})
	defer proxy.Close()

	response, err := http.Post(proxy.URL+"/v1/orders", "text/plain", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
	http.DefaultClient.CloseIdleConnections()
	// Output: 200 OK
}

// Instances that show a certificate for another name than that of the URL, of an
// authority of their own, and with HTTP/2.
func ExampleWithTransport() {
	registry, end := open(context.Background())
	defer end()

	authorities := x509.NewCertPool() // to be filled by AppendCertsFromPEM
	base := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: authorities, ServerName: "orders.example.com"},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 50,
		IdleConnTimeout:     time.Minute,
	}
	client := httpbalance.NewClient(registry, httpbalance.WithTransport(base), httpbalance.WithHost("orders.example.com"))
	defer client.CloseIdleConnections()
}

// A service that answers 429 while it is busy, and that gets no more than one request in ten
// a second time.
func ExampleWithRetries() {
	registry, end := open(context.Background())
	defer end()
	client := httpbalance.NewClient(registry,
		httpbalance.WithRetries(1),
		httpbalance.WithRetryStatus(http.StatusTooManyRequests, http.StatusServiceUnavailable),
		httpbalance.WithRetryBudget(0.1),
		httpbalance.WithConnectTimeout(500*time.Millisecond))
	client.CloseIdleConnections()
}
