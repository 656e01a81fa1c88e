package etcdclient

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeEtcd knows users, and lets those read who have logged in.
type fakeEtcd struct {
	pb.UnimplementedKVServer
	pb.UnimplementedAuthServer

	mu       sync.Mutex
	users    map[string]string // nil: authentication is off
	logins   []string
	hang     chan struct{} // log-ins wait for it, if it is not nil
	entered  chan struct{} // gets one for each log-in that has begun
	lastUser string        // who read last
}

// Authenticate implements pb.AuthServer; the token is the user's name.
func (f *fakeEtcd) Authenticate(ctx context.Context, r *pb.AuthenticateRequest) (*pb.AuthenticateResponse, error) {
	f.mu.Lock()
	users, hang := f.users, f.hang
	f.logins = append(f.logins, r.Name)
	f.mu.Unlock()
	if hang != nil {
		f.entered <- struct{}{}
		select {
		case <-hang:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if users == nil {
		return nil, rpctypes.ErrGRPCAuthNotEnabled
	}
	if password, ok := users[r.Name]; !ok || password != r.Password {
		return nil, rpctypes.ErrGRPCAuthFailed
	}
	return &pb.AuthenticateResponse{Token: r.Name}, nil
}

// Range implements pb.KVServer.
func (f *fakeEtcd) Range(ctx context.Context, _ *pb.RangeRequest) (*pb.RangeResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lastUser = strings.Join(md.Get(rpctypes.TokenFieldNameGRPC), ",")
	return &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 1}}, nil
}

// serve starts the fake and returns its address.
func (f *fakeEtcd) serve(t *testing.T, opts ...grpc.ServerOption) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return f.serveOn(t, l, opts...)
}

// serveOn is serve on a listener.
func (f *fakeEtcd) serveOn(t *testing.T, l net.Listener, opts ...grpc.ServerOption) string {
	t.Helper()
	server := grpc.NewServer(opts...)
	pb.RegisterKVServer(server, f)
	pb.RegisterAuthServer(server, f)
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() {
		server.Stop()
		wg.Wait()
	})
	return l.Addr().String()
}

func connect(t *testing.T, cfg Config) *Conn {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

func read(t *testing.T, c *Conn) *clientv3.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	client, err := c.Client(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Get(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	return client
}

// silent listens, and never says anything: what a stopped server looks like.
func silent(t *testing.T) (endpoint string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// refused returns an endpoint where nobody listens.
func refused(t *testing.T) (endpoint string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return "http://" + l.Addr().String()
}

// TestUnreachableWithoutCredentials: the client is there at once.
func TestUnreachableWithoutCredentials(t *testing.T) {
	t.Parallel()
	for name, endpoint := range map[string]string{"refused": refused(t), "silent": silent(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, Config{Endpoints: []string{endpoint}})
			start := time.Now()
			first, err := c.Client(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > atOnce {
				t.Errorf("took %v", took)
			}
			second, err := c.Client(t.Context())
			if err != nil || second != first {
				t.Errorf("another client, error %v", err)
			}
		})
	}
}

// TestLogInEndsWithContext: with credentials the client waits for its log-in.
func TestLogInEndsWithContext(t *testing.T) {
	t.Parallel()
	for name, endpoint := range map[string]string{"refused": refused(t), "silent": silent(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, Config{Endpoints: []string{endpoint}, Username: "root", Password: "hunter2"})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			start := time.Now()
			client, err := c.Client(ctx)
			if err == nil || client != nil {
				t.Fatalf("client %p, error %v, want an error", client, err)
			}
			if took := time.Since(start); took > endBound {
				t.Errorf("took %v, longer than the context", took)
			}
			if name == "silent" && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want %v", err, context.DeadlineExceeded)
			}
			if !strings.HasPrefix(err.Error(), "connecting to etcd: ") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q", err)
			}
			cancel()
			if _, err := c.Client(ctx); err == nil {
				t.Error("no error with a context that is done")
			}
		})
	}
}

// TestLogInEndsByItself: a context without a deadline does not make it block.
func TestLogInEndsByItself(t *testing.T) {
	t.Parallel()
	c := connect(t, Config{Endpoints: []string{silent(t)}, Username: "root", Password: "hunter2"})
	start := time.Now()
	if _, err := c.Client(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if took := time.Since(start); took < dialTimeout/2 || took > deadline {
		t.Errorf("took %v, want about %v", took, dialTimeout)
	}
}

// TestOthersDoNotWaitForALogIn: whoever comes while one logs in gives up with
// its own context, and all give up when the connection is closed.
func TestOthersDoNotWaitForALogIn(t *testing.T) {
	t.Parallel()
	f := &fakeEtcd{hang: make(chan struct{}), entered: make(chan struct{}, 10)}
	c := connect(t, Config{Endpoints: []string{"http://" + f.serve(t)}, Username: "root", Password: "hunter2"})
	first := make(chan error, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		_, err := c.Client(t.Context())
		first <- err
	})
	<-f.entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Client(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second caller: error %v, want %v", err, context.DeadlineExceeded)
	}
	select {
	case err := <-first:
		t.Fatalf("the log-in ended before it was let go: %v", err)
	default:
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-first; !errors.Is(err, ErrClosed) {
		t.Errorf("first caller: error %v, want %v", err, ErrClosed)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	f := &fakeEtcd{}
	c := connect(t, Config{Endpoints: []string{"http://" + f.serve(t)}})
	client := read(t, c)
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := c.Client(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Client after Close: %v, want %v", err, ErrClosed)
	}
	if client.Ctx().Err() == nil {
		t.Error("the client goes on")
	}
	unused := connect(t, Config{})
	if err := unused.Close(); err != nil {
		t.Errorf("Close of one that was never used: %v", err)
	}
}

// TestClientOutlivesItsContext: the context is for getting it.
func TestClientOutlivesItsContext(t *testing.T) {
	t.Parallel()
	f := &fakeEtcd{users: map[string]string{"root": "hunter2"}}
	c := connect(t, Config{Endpoints: []string{"http://" + f.serve(t)}, Username: "root", Password: "hunter2"})
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	client, err := c.Client(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if again := read(t, c); again != client || client.Ctx().Err() != nil {
		t.Error("the client ended with the context")
	}
	if f.lastUser != "root" || len(f.logins) != 1 {
		t.Errorf("%q read after log-ins %q, want root after one", f.lastUser, f.logins)
	}
}

// TestTLS connects in each way in which TLS can be set up.
func TestTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "ca")
	f := &fakeEtcd{}
	addr := f.serve(t, grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{ca.pair(t, "server")},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool(ca),
	})))
	files := filesIn(t)
	files.write(t, ca, "client", ca)
	loaded, err := files.load()
	if err != nil {
		t.Fatal(err)
	}
	endpoints := []string{"https://" + addr}
	for name, cfg := range map[string]Config{
		"files":  {Endpoints: endpoints, Files: &files},
		"config": {Endpoints: endpoints, TLS: loaded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read(t, connect(t, cfg))
		})
	}
	for name, cfg := range map[string]Config{
		"no client certificate": {Endpoints: endpoints, Files: &TLSFiles{CA: files.CA}},
		"system's authorities":  {Endpoints: endpoints},
		"not TLS":               {Endpoints: []string{"http://" + addr}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := connect(t, cfg).Client(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := client.Get(ctx, "k"); err == nil {
				t.Error("no error")
			}
		})
	}
}
