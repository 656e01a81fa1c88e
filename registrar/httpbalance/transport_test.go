package httpbalance_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/balance"
	"github.com/rosterdns/roster/registrar/httpbalance"
)

func TestNames(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	finder := finderFunc(func(_ context.Context, name string) (*registrar.Service, error) {
		asked <- name
		return nil, fmt.Errorf("fake: %w", registrar.ErrNotFound)
	})
	for _, c := range []struct{ suffix, url, want string }{
		{"", "http://orders.roster/", "orders"},
		{"", "https://orders.roster?x=y", "orders"},
		{"", "http://ORDERS.prod.Roster./a/b", "prod/orders"},
		{"svc.internal", "http://orders.default.svc.internal", "default/orders"},
		{".svc.internal.", "http://orders.svc.internal", "orders"},
		{"", "http://a.b.c.roster/", ""},
		{"", "http://.roster/", ""},
		{"", "http://orders..roster/", ""},
		{"", "http://orders.roster:80/", ""},
		{"", "http://orders.default.roster:8080/", ""},
	} {
		var opts []httpbalance.Option
		if c.suffix != "" {
			opts = append(opts, httpbalance.WithSuffix(c.suffix))
		}
		body := &closed{Reader: strings.NewReader("x")}
		_, _, err := do(t.Context(), httpbalance.NewClient(finder, opts...), http.MethodPost, c.url, body)
		want := registrar.ErrNotFound
		if c.want == "" {
			want = registrar.ErrInvalid
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", c.url, err, want)
		}
		if !body.closed {
			t.Errorf("%s: the body of the request is not closed", c.url)
		}
		if c.want != "" {
			if name := <-asked; name != c.want {
				t.Errorf("%s: asks for %q, want %q", c.url, name, c.want)
			}
		}
	}
}

type finderFunc func(ctx context.Context, name string) (*registrar.Service, error)

func (f finderFunc) GetService(ctx context.Context, name string) (*registrar.Service, error) {
	return f(ctx, name)
}

// closed is a body that knows whether it was closed.
type closed struct {
	io.Reader
	closed bool
}

func (c *closed) Close() error {
	c.closed = true
	return nil
}

// TestOtherHosts checks that other hosts are left to the transport that is given.
func TestOtherHosts(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	s := httptest.NewServer(answer(http.StatusOK, "other"))
	defer s.Close()
	if text := get(t, r.client(), s.URL); text != "other" {
		t.Errorf("got %q", text)
	}
	base := &http.Transport{}
	base.RegisterProtocol("test", http.NewFileTransport(http.Dir(".")))
	if text := get(t, r.client(httpbalance.WithTransport(base)), "test:///doc.go"); !strings.Contains(text, "package httpbalance") {
		t.Errorf("got %q", text)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	c := r.client()
	if _, _, err := do(t.Context(), c, http.MethodGet, "http://orders.roster/", nil); !errors.Is(err, registrar.ErrNotFound) {
		t.Errorf("no instance: %v", err)
	}
	s := r.start("a", answer(http.StatusOK, "a"))
	get(t, c, "http://orders.roster/")
	r.remove("a")
	if _, _, err := do(t.Context(), c, http.MethodGet, "http://orders.roster/", nil); !errors.Is(err, registrar.ErrNotFound) {
		t.Errorf("no instance any more: %v", err)
	}
	r.set("a", s.Listener.Addr().String())
	get(t, c, "http://orders.roster/")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := do(ctx, c, http.MethodGet, "http://orders.roster/", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	for _, want := range []error{registrar.ErrUnavailable, registrar.ErrPermission} {
		finder := finderFunc(func(context.Context, string) (*registrar.Service, error) { return nil, want })
		if _, _, err := do(t.Context(), httpbalance.NewClient(finder), http.MethodGet, "http://orders.roster/", nil); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func TestHostHeader(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	r.start("a", func(w http.ResponseWriter, req *http.Request) { _, _ = io.WriteString(w, req.Host) })
	if host := get(t, r.client(), "http://orders.default.roster/"); host != "orders.default.roster" {
		t.Errorf("Host is %q", host)
	}
	if host := get(t, r.client(httpbalance.WithHost("shop.example.com")), "http://orders.roster/"); host != "shop.example.com" {
		t.Errorf("Host is %q with WithHost", host)
	}
}

// TestPorts checks that the port is that of the scheme, or the one that is named.
func TestPorts(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	main, admin := r.start("a", answer(http.StatusOK, "main")), r.start("b", answer(http.StatusOK, "admin"))
	r.remove("b")
	port := func(s *httptest.Server) uint16 { return s.Listener.Addr().(*net.TCPAddr).AddrPort().Port() }
	r.set("a", main.Listener.Addr().String(), func(in *registrar.Instance) {
		in.Ports = []registrar.Port{{Name: "admin", Port: port(admin)}, {Name: "http", Port: port(main)}}
	})
	if text := get(t, r.client(), "http://orders.roster/"); text != "main" {
		t.Errorf("by default: %q", text)
	}
	if text := get(t, r.client(httpbalance.WithBalance(balance.WithPort("admin"))), "http://orders.roster/"); text != "admin" {
		t.Errorf("with a name: %q", text)
	}
	r.set("a", main.Listener.Addr().String(), func(in *registrar.Instance) { in.Ports[0].Name = "" })
	if text := get(t, r.client(), "http://orders.roster/"); text != "main" {
		t.Errorf("without names: %q", text)
	}
}

// TestRedirect checks that a redirect within the service is balanced as well.
func TestRedirect(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	r.start("a", func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/" {
			http.Redirect(w, req, "/there", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, req.Host+req.URL.Path)
	})
	if text := get(t, r.client(), "http://orders.roster/"); text != "orders.roster/there" {
		t.Errorf("got %q", text)
	}
}

// TestUpgrade checks that the connection of a response with status 101 can be written to.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	r.start("a", func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(conn, line)
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://orders.roster/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	response, err := r.client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.WriteString(response.Body.(io.Writer), "hello\n"); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(response.Body); string(text) != "hello\n" {
		t.Errorf("echoed %q, %v", text, err)
	}
}

// TestHTTP2 checks each way to HTTP/2, and which server name TLS asks for.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	names := make(chan string, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { _, _ = io.WriteString(w, req.Proto) }))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		names <- hello.ServerName
		return nil, nil // the same configuration
	}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	s.StartTLS()
	defer s.Close()
	r := newRegistry(t)
	r.set("a", s.Listener.Addr().String())
	trust := func(name string) *tls.Config {
		return &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: name}
	}
	force := &http.Transport{TLSClientConfig: trust("example.com"), ForceAttemptHTTP2: true}
	used := &http.Transport{TLSClientConfig: trust("example.com"), ForceAttemptHTTP2: true}
	_ = get(t, &http.Client{Transport: used}, s.URL)
	<-names
	used.CloseIdleConnections()
	for name, base := range map[string]*http.Transport{"forced": force, "used before": used} {
		if proto := get(t, r.client(httpbalance.WithTransport(base)), "https://orders.roster/"); proto != "HTTP/2.0" {
			t.Errorf("%s: %s, want HTTP/2.0", name, proto)
		}
		if name := <-names; name != "example.com" {
			t.Errorf("server name %q, want that of the configuration", name)
		}
	}
	one := &http.Transport{TLSClientConfig: trust("example.com")}
	if proto := get(t, r.client(httpbalance.WithTransport(one)), "https://orders.roster/"); proto != "HTTP/1.1" {
		t.Errorf("a transport that doesn't attempt HTTP/2: %s", proto)
	}
	<-names
	_, _, err := do(t.Context(), r.client(httpbalance.WithTransport(&http.Transport{TLSClientConfig: trust("")})), http.MethodGet, "https://orders.roster/", nil)
	if invalid := (*tls.CertificateVerificationError)(nil); !errors.As(err, &invalid) {
		t.Errorf("a certificate for another name: %v", err)
	}
	if name := <-names; name != "orders.roster" {
		t.Errorf("server name %q, want that of the URL", name)
	}
}

// TestUnencryptedHTTP2 checks HTTP/2 without TLS, as within a network of one's own.
func TestUnencryptedHTTP2(t *testing.T) {
	t.Parallel()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { _, _ = io.WriteString(w, req.Proto) }))
	s.Config.Protocols = &protocols
	s.Start()
	defer s.Close()
	r := newRegistry(t)
	r.set("a", s.Listener.Addr().String())
	if proto := get(t, r.client(httpbalance.WithTransport(&http.Transport{Protocols: &protocols})), "http://orders.roster/"); proto != "HTTP/2.0" {
		t.Errorf("got %s", proto)
	}
}
