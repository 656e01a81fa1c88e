package etcdclient

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestOtherServer is of fault 26: an endpoint at which another server listens, or etcd on
// its port for peers, which speaks HTTP/1 as well.
func TestOtherServer(t *testing.T) {
	t.Parallel()
	const port, peers = "is not etcd's port for clients (2379 by default)", "etcd's port for its peers (2380)"
	for name, tc := range map[string]struct {
		tls     bool
		handler http.HandlerFunc
		want    []string
	}{
		"HTTP/1":        {false, http.NotFound, []string{port, `it answers "HTTP/1.1 `, peers}},
		"HTTP/1 by TLS": {true, http.NotFound, []string{"handshake", "application protocol"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(tc.handler)
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			if tc.tls {
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			cfg := Config{Endpoints: []string{server.URL}}
			if tc.tls {
				cfg.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig
			}
			refusedWith(t, cfg, append(tc.want, server.Listener.Addr().String()))
		})
	}
}

// TestOtherProtocol: a server that speaks first, and something else.
func TestOtherProtocol(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_10.0\r\n")
			_ = conn.Close()
		}
	}()
	defer func() {
		_ = l.Close()
		<-done
	}()
	refusedWith(t, Config{Endpoints: []string{"http://" + l.Addr().String()}}, []string{`it answers "SSH-2.0-OpenSSH_10.0"`})
}

// refusedWith fails unless a request by a configuration fails, and the reason has these
// texts.
func refusedWith(t *testing.T, cfg Config, want []string) {
	t.Helper()
	c := connect(t, cfg)
	client, err := c.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := client.Get(ctx, "k"); err == nil {
		t.Fatal("connected")
	}
	if err = c.Err(); err == nil {
		t.Fatal("no reason is known")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
}
