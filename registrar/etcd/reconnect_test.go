package etcd

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
)

// TestFollowConn stops and starts a server under a connection.
func TestFollowConn(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	address := "127.0.0.1:0"
	serve := func() (stop func()) {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		address = l.Addr().String()
		server, served := grpc.NewServer(), make(chan error, 1)
		go func() { served <- server.Serve(l) }()
		return func() {
			server.Stop()
			if err := <-served; err != nil {
				t.Error(err)
			}
		}
	}
	stop := serve()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: grpcbackoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1, MaxDelay: 10 * time.Millisecond}}))
	if err != nil {
		t.Fatal(err)
	}
	ready := func() {
		t.Helper()
		for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
			conn.Connect()
			if !conn.WaitForStateChange(ctx, state) {
				t.Fatalf("the connection is %v", state)
			}
		}
	}
	ready()
	calls := make(chan struct{}, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lost := false
		followConn(ctx, conn, &lost, func() { calls <- struct{}{} })
	}()
	// A follower that begins late misses the first loss; another one shows it.
	const notice = 2 * time.Second
	for i := range 3 {
		if len(calls) > 0 {
			t.Fatalf("called after %d losses without another", i)
		}
		for noticed := false; !noticed; {
			stop()
			for state := conn.GetState(); state == connectivity.Ready; state = conn.GetState() {
				conn.WaitForStateChange(ctx, state)
			}
			stop = serve()
			ready()
			select {
			case <-calls:
				noticed = true
			case <-time.After(notice):
			case <-ctx.Done():
				t.Fatalf("not called after loss %d", i+1)
			}
		}
	}
	stop()
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	<-ended // closed
}
