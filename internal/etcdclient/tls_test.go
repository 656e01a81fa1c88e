package etcdclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"
)

// deadline bounds what waits on loopback; it is reached by failures only.
const deadline = time.Minute

func TestLoadTLSFiles(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	good := filesIn(t)
	good.write(t, ca, "client", ca)
	foreign := filesIn(t)
	foreign.write(t, other, "client", ca)
	garbage := filepath.Join(t.TempDir(), "garbage")
	write(t, garbage, "not PEM")
	none := filepath.Join(t.TempDir(), "none")
	tests := []struct {
		name  string
		files TLSFiles
		want  string // part of the error; empty for none
		is    error
	}{
		{"all", good, "", nil},
		{"none", TLSFiles{}, "", nil},
		{"CA alone", TLSFiles{CA: good.CA}, "", nil},
		{"certificate and key", TLSFiles{Cert: good.Cert, Key: good.Key}, "", nil},
		{"no key", TLSFiles{Cert: good.Cert}, "a certificate needs its key, and a key its certificate", nil},
		{"no certificate", TLSFiles{Key: good.Key, CA: good.CA}, "a certificate needs its key, and a key its certificate", nil},
		{"certificate not there", TLSFiles{Cert: none, Key: good.Key}, fmt.Sprintf("loading certificate %q with key %q", none, good.Key), fs.ErrNotExist},
		{"key not there", TLSFiles{Cert: good.Cert, Key: none}, fmt.Sprintf("loading certificate %q with key %q", good.Cert, none), fs.ErrNotExist},
		{"certificate of garbage", TLSFiles{Cert: garbage, Key: good.Key}, "loading certificate", nil},
		{"key of another certificate", TLSFiles{Cert: good.Cert, Key: foreign.Key}, "loading certificate", nil},
		{"CA not there", TLSFiles{CA: none}, "reading certificate authorities: open " + none, fs.ErrNotExist},
		{"CA of garbage", TLSFiles{CA: garbage}, fmt.Sprintf("file %q contains no CA certificate in PEM format", garbage), nil},
		{"CA that is a key", TLSFiles{CA: good.Key}, "contains no CA certificate in PEM format", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := tt.files.load()
			if tt.want == "" {
				if err != nil {
					t.Fatalf("error %v, want none", err)
				}
				if (len(cfg.Certificates) > 0) != (tt.files.Cert != "") || (cfg.RootCAs != nil) != (tt.files.CA != "") || cfg.MinVersion < tls.VersionTLS12 || cfg.InsecureSkipVerify {
					t.Errorf("TLS is set up as %+v", cfg)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v, want one with %q that is %v", err, tt.want, tt.is)
			}
		})
	}
}

// tlsServer shakes hands with whoever connects; it demands client certificates.
type tlsServer struct {
	net.Listener
	mu      sync.Mutex
	cert    tls.Certificate
	clients *x509.CertPool
	seen    chan string // the name of each client that got through
}

func newTLSServer(t *testing.T, cert tls.Certificate, clients *x509.CertPool) *tlsServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &tlsServer{Listener: l, cert: cert, clients: clients, seen: make(chan string, 10)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.shake(conn) })
		}
	})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
	return s
}

func (s *tlsServer) use(cert tls.Certificate, clients *x509.CertPool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cert, s.clients = cert, clients
}

func (s *tlsServer) shake(conn net.Conn) {
	s.mu.Lock()
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{s.cert},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: s.clients, NextProtos: []string{"h2"},
	}
	s.mu.Unlock()
	tc := tls.Server(conn, cfg)
	defer tc.Close()
	if err := tc.SetDeadline(time.Now().Add(deadline)); err != nil {
		return
	}
	if err := tc.Handshake(); err != nil {
		return
	}
	s.seen <- tc.ConnectionState().PeerCertificates[0].Subject.CommonName
	_, _ = tc.Read(make([]byte, 1)) // until the client has gone
}

// shakeHands connects as gRPC does, and returns the name that the server saw.
func shakeHands(t *testing.T, creds credentials.TransportCredentials, s *tlsServer) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	secure, info, err := creds.ClientHandshake(ctx, s.Addr().String(), conn)
	if err != nil {
		return "", err
	}
	defer secure.Close()
	if got := info.AuthType(); got != "tls" {
		t.Errorf("authenticated by %q", got)
	}
	select {
	case name := <-s.seen:
		return name, nil
	case <-ctx.Done():
		return "", errors.New("the server refused the client")
	}
}

// TestRotation replaces the client's certificate, then the authority of the
// servers, under a connection's credentials.
func TestRotation(t *testing.T) {
	t.Parallel()
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	files := filesIn(t)
	files.write(t, first, "client-1", first)
	s := newTLSServer(t, first.pair(t, "server"), pool(first, second))
	var log bytes.Buffer
	creds := newReloading(files, slog.New(slog.NewTextHandler(&log, nil))).Clone() // gRPC clones

	want := func(name string) {
		t.Helper()
		if got, err := shakeHands(t, creds, s); err != nil || got != name {
			t.Errorf("the server saw %q, error %v, want %q", got, err, name)
		}
	}
	want("client-1")
	files.write(t, second, "client-2", first)
	want("client-2")
	s.use(second.pair(t, "server"), pool(first, second))
	var unknown x509.UnknownAuthorityError
	if _, err := shakeHands(t, creds, s); !errors.As(err, &unknown) {
		t.Errorf("error %v from a server of an unknown authority, want %T", err, unknown)
	}
	files.write(t, second, "client-3", second)
	want("client-3")
	if log.Len() > 0 {
		t.Errorf("logged %q", log.String())
	}

	// Half-way through a rotation: the key is that of the next certificate.
	_, key := second.issue(t, "client-4")
	write(t, files.Key, string(key))
	want("client-3")
	write(t, files.CA, "")
	want("client-3")
	if err := os.Remove(files.Cert); err != nil {
		t.Fatal(err)
	}
	creds = creds.Clone() // a clone has the last good files too
	want("client-3")
	if n := strings.Count(log.String(), "level=WARN"); n != 2 || strings.Contains(log.String(), "PRIVATE") {
		t.Errorf("logged %q, want a warning for each of two reasons", log.String())
	}
	log.Reset()
	files.write(t, second, "client-5", second)
	want("client-5")
	want("client-5")
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=INFO msg=\"TLS files can be read again\"") {
		t.Errorf("logged %q, want one line that it is over", got)
	}
}

// TestHandshakeWithoutFiles has files that were never whole.
func TestHandshakeWithoutFiles(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "ca")
	files := filesIn(t)
	s := newTLSServer(t, ca.pair(t, "server"), pool(ca))
	creds := newReloading(files, slog.New(slog.DiscardHandler))
	if _, err := shakeHands(t, creds, s); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want %v", err, fs.ErrNotExist)
	}
	files.write(t, ca, "client", ca)
	if got, err := shakeHands(t, creds, s); err != nil || got != "client" {
		t.Errorf("the server saw %q, error %v", got, err)
	}
}

func TestServerName(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "ca")
	files := filesIn(t)
	files.write(t, ca, "client", ca)
	s := newTLSServer(t, ca.pair(t, "server"), pool(ca)) // for 127.0.0.1 only
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var name x509.HostnameError
	if _, _, err := newReloading(files, slog.New(slog.DiscardHandler)).ClientHandshake(ctx, "etcd.example.com:2379", conn); !errors.As(err, &name) {
		t.Errorf("error %v for a server of another name, want %T", err, name)
	}
}

func TestClientSideOnly(t *testing.T) {
	t.Parallel()
	creds := newReloading(TLSFiles{}, slog.New(slog.DiscardHandler))
	if _, _, err := creds.ServerHandshake(nil); err == nil {
		t.Error("no error from ServerHandshake")
	}
	if info := creds.Info(); info.SecurityProtocol != "tls" {
		t.Errorf("protocol %q, want tls", info.SecurityProtocol)
	}
}
