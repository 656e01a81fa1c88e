//go:build unix

package health_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	grpchealth "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/rosterdns/roster/registrar/health"
)

// expect probes once and checks the error: "" for none, else a part of it.
func expect(t *testing.T, what string, p health.Probe, want string) {
	t.Helper()
	err := p.Probe(t.Context())
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	defer elsewhere.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/fails", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.Handle("/moved", http.RedirectHandler("/ok", http.StatusFound))
	mux.Handle("/away", http.RedirectHandler(elsewhere.URL+"/", http.StatusFound))
	mux.Handle("/circle", http.RedirectHandler("/circle", http.StatusFound))
	for n := range 6 {
		mux.Handle("/hop"+strconv.Itoa(n+1), http.RedirectHandler("/hop"+strconv.Itoa(n), http.StatusFound))
	}
	mux.HandleFunc("/hop0", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/asked", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead || r.Host != "orders.example.com" || r.Header.Get("X-Check") != "1" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for path, want := range map[string]string{
		"/ok": "", "/moved": "", "/hop5": "",
		"/hop6":   "more than 5 redirects",
		"/fails":  `/fails": status "503 Service Unavailable"`,
		"/none":   "404",
		"/away":   "redirected to another server",
		"/circle": "redirects",
	} {
		expect(t, path, &health.HTTP{URL: server.URL + path}, want)
	}
	asked := http.Header{"X-Check": {"1"}, "Host": {"orders.example.com"}}
	expect(t, "method and header", &health.HTTP{URL: server.URL + "/asked", Method: http.MethodHead, Header: asked}, "")
	expect(t, "closed", &health.HTTP{URL: "http://" + refusing(t)}, "connection refused")
}

// refusing returns an address that refuses connections. Its port is bound until the test
// ends, but not listened on, so that nobody else gets it.
func refusing(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
}

// TestHTTPSharedTLS shows that probes that have one TLS configuration leave it as it is.
func TestHTTPSharedTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	shared := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
	var probes sync.WaitGroup
	for range 4 {
		probes.Go(func() { expect(t, "shared", &health.HTTP{URL: server.URL, TLS: shared}, "") })
	}
	probes.Wait()
	if len(shared.NextProtos) > 0 {
		t.Errorf("the program's configuration now offers %q", shared.NextProtos)
	}
}

// TestHTTPTLS shows that a certificate counts.
func TestHTTPTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	expect(t, "trusted", &health.HTTP{URL: server.URL, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}, "")
	expect(t, "unknown", &health.HTTP{URL: server.URL}, "certificate")
}

// TestEndlessAnswer shows that a body is not read without end.
func TestEndlessAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	expect(t, "endless", &health.HTTP{URL: server.URL}, "")
}

func TestTCP(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "open", &health.TCP{Address: l.Addr().String()}, "")
	defer l.Close()
	expect(t, "closed", &health.TCP{Address: refusing(t)}, "connection refused")
}

func TestGRPC(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, state := grpc.NewServer(), grpchealth.NewServer()
	healthpb.RegisterHealthServer(server, state)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	address := l.Addr().String()
	state.SetServingStatus("orders", healthpb.HealthCheckResponse_NOT_SERVING)
	expect(t, "server", &health.GRPC{Address: address}, "")
	expect(t, "service", &health.GRPC{Address: address, Service: "orders"}, `service "orders" at "`+address+`" is NOT_SERVING`)
	expect(t, "unknown service", &health.GRPC{Address: address, Service: "none"}, "NotFound")
	expect(t, "TLS", &health.GRPC{Address: address, TLS: &tls.Config{MinVersion: tls.VersionTLS13}}, "asking the health service at ")
	server.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	expect(t, "closed", &health.GRPC{Address: refusing(t)}, "connection refused")
}

func TestProbesHeedTheirContext(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, p := range map[string]health.Probe{
		"http": &health.HTTP{URL: "http://" + l.Addr().String()}, "grpc": &health.GRPC{Address: l.Addr().String()},
		"tcp": &health.TCP{Address: l.Addr().String()}, "exec": &health.Exec{Command: []string{"sleep", "1000"}},
	} {
		if err := p.Probe(ctx); err == nil {
			t.Errorf("%s: success although its context is done", name)
		}
	}
}
