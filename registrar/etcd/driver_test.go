package etcd_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/etcd"
)

var quiet = registrar.WithLogger(slog.New(slog.DiscardHandler))

func TestBadOptions(t *testing.T) {
	t.Parallel()
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	client := &clientv3.Client{}
	for name, tt := range map[string]struct {
		opts []registrar.Option
		says string
	}{
		"endpoint":              {[]registrar.Option{registrar.WithEndpoints("localhost:2379")}, "localhost:2379"},
		"endpoint without port": {[]registrar.Option{registrar.WithEndpoints("http://localhost")}, "2379"},
		"mixed":                 {[]registrar.Option{registrar.WithEndpoints("http://a:1", "https://b:1")}, "mix"},
		"password in endpoint":  {[]registrar.Option{registrar.WithEndpoints("http://u:secret@a:1")}, "endpoint"},
		"TLS without https":     {[]registrar.Option{registrar.WithTLS(&tls.Config{MinVersion: tls.VersionTLS13})}, "https"},
		"TLS twice":             {[]registrar.Option{registrar.WithEndpoints("https://a:1"), registrar.WithTLS(&tls.Config{MinVersion: tls.VersionTLS13}), registrar.WithTLSFiles("", "", "")}, "use one"},
		"no certificate":        {[]registrar.Option{registrar.WithEndpoints("https://a:1"), registrar.WithTLSFiles("/absent", "/absent", "")}, "/absent"},
		"bad authorities":       {[]registrar.Option{registrar.WithEndpoints("https://a:1"), registrar.WithTLSFiles("", "", file("x"))}, "PEM"},
		"user without password": {[]registrar.Option{registrar.WithCredentials("u", "")}, "password"},
		"credentials twice":     {[]registrar.Option{registrar.WithCredentials("u", "secret"), registrar.WithCredentialsFile(file("u\np\n"))}, "use one"},
		"no credentials file":   {[]registrar.Option{registrar.WithCredentialsFile("/absent")}, "/absent"},
		"bad credentials file":  {[]registrar.Option{registrar.WithCredentialsFile(file("user only, secret"))}, "line 2"},
		"no client":             {[]registrar.Option{etcd.WithClient(nil)}, "no client"},
		"client and endpoints":  {[]registrar.Option{etcd.WithClient(client), registrar.WithEndpoints("http://a:1")}, "be combined"},
		"no connection":         {[]registrar.Option{etcd.WithClient(client)}, "connection"},
		"client and user":       {[]registrar.Option{etcd.WithClient(client), registrar.WithCredentials("u", "secret")}, "be combined"},
		"lease":                 {[]registrar.Option{registrar.WithLeaseTTL(time.Second)}, "lease TTL 1s"},
	} {
		c, err := registrar.Open(t.Context(), etcd.Name, append(tt.opts, quiet)...)
		if !errors.Is(err, registrar.ErrInvalid) || c != nil {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
			continue
		}
		if !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the message is %q, want one with %q", name, err, tt.says)
		}
	}
}

// TestOpenDoesNoIO opens a client on a port where nobody may call.
func TestOpenDoesNoIO(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	calls := make(chan net.Conn)
	go func() {
		defer close(calls)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			calls <- conn
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	c, err := registrar.Open(ctx, etcd.Name, registrar.WithEndpoints("http://"+l.Addr().String()), quiet)
	cancel() // it bounds Open alone
	if err != nil {
		t.Fatal(err)
	}
	if c.Name() != "etcd" {
		t.Errorf("the name is %q", c.Name())
	}
	select {
	case <-calls:
		t.Error("Open has called")
	case <-time.After(50 * time.Millisecond):
	}
	// The first question calls; a listener that says nothing is an etcd that hangs.
	start := time.Now()
	asked := make(chan error, 1)
	go func() {
		_, err := c.GetService(t.Context(), "orders")
		asked <- err
	}()
	conn := <-calls
	if err := <-asked; !errors.Is(err, registrar.ErrUnavailable) || time.Since(start) > firstBound {
		t.Errorf("GetService: %v after %v", err, time.Since(start))
	}
	start = time.Now()
	if err := c.Close(); err != nil || time.Since(start) > atOnce {
		t.Errorf("Close: %v after %v", err, time.Since(start))
	}
	_ = conn.Close()
	_ = l.Close()
	for conn := range calls {
		_ = conn.Close()
	}
}

// closed is where nobody listens: a port that was free could be that of another test soon.
const closed = "http://127.0.0.1:1"

// TestNobodyListens has the real client meet a closed port.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	c, err := registrar.Open(t.Context(), etcd.Name, registrar.WithEndpoints(closed), quiet)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	s := &registrar.Service{Name: "orders", Instances: []registrar.Instance{{Host: "db1.example.com"}}}
	if err := c.Register(t.Context(), s); err != nil || time.Since(start) > atOnce {
		t.Errorf("Register: %v after %v", err, time.Since(start))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if err := c.Wait(ctx); !errors.Is(err, registrar.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait: %v", err)
	}
	if _, err := c.List(ctx, ""); !errors.Is(err, registrar.ErrUnavailable) {
		t.Errorf("List: %v", err)
	}
	start = time.Now()
	if err := c.Close(); time.Since(start) > atOnce {
		t.Errorf("Close: %v after %v", err, time.Since(start))
	}
}

func TestBeforeInit(t *testing.T) {
	t.Parallel()
	c := registrar.NewClient(etcd.New())
	s := &registrar.Service{Name: "orders"}
	_, getErr := c.GetService(t.Context(), "orders")
	_, listErr := c.List(t.Context(), "")
	for name, err := range map[string]error{
		"Register": c.Register(t.Context(), s), "Unregister": c.Unregister(t.Context(), s),
		"GetService": getErr, "List": listErr, "Wait": c.Wait(t.Context()),
	} {
		if !errors.Is(err, registrar.ErrInvalid) || !strings.Contains(err.Error(), "Init") {
			t.Errorf("%s before Init: %v", name, err)
		}
	}
	if st := c.Status(); st != nil {
		t.Errorf("Status before Init: %v", st)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close before Init: %v", err)
	}
	if err := c.Init(t.Context()); !errors.Is(err, registrar.ErrClosed) {
		t.Errorf("Init after Close: %v", err)
	}
	if err := c.Register(t.Context(), s); !errors.Is(err, registrar.ErrClosed) {
		t.Errorf("Register after Close: %v", err)
	}
}
