package grpcresolver_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rosterdns/roster/registrar/grpcresolver/internal/grpctest"
	"github.com/rosterdns/roster/registrar/memory"
)

// TestFailFast: requests fail at once with Unavailable, and say why, where there is nobody
// or nothing is known; with WaitForReady they wait until there is somebody.
func TestFailFast(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{"pick_first": pickFirst, "roster_weighted_random": weightedRandom} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := grpctest.New(t)
				cc := w.Dial("roster:///orders", config)
				synctest.Wait() // for the reason, which gRPC is told after the empty set
				start := time.Now()
				_, err := grpctest.Call(t.Context(), cc)
				if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), `service "orders": no instance is up`) || time.Since(start) > 0 {
					t.Errorf("nobody: %v after %v", err, time.Since(start))
				}
				answered := make(chan string)
				go func() {
					name, err := grpctest.Call(t.Context(), cc, grpc.WaitForReady(true))
					answered <- fmt.Sprint(name, err)
				}()
				synctest.Wait()
				w.Start(grpctest.Instance("a", "10.0.0.1"))
				if got := <-answered; got != fmt.Sprint("a", nil) {
					t.Errorf("one comes: %s", got)
				}
				cc = w.Dial("roster:///Orders", config)
				if _, err := grpctest.Call(t.Context(), cc); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "not a DNS label") {
					t.Errorf("an invalid target: %v", err)
				}
			})
		})
	}
}

// TestFailFastOfGRPCsOwn: with gRPC's own balancers the message doesn't say why, but
// requests fail at once all the same.
func TestFailFastOfGRPCsOwn(t *testing.T) {
	t.Parallel()
	for _, config := range []string{roundRobin, weightedRoundRobin, ringHash, leastRequest} {
		synctest.Test(t, func(t *testing.T) {
			w := grpctest.New(t)
			w.Start(grpctest.Instance("a", "10.0.0.1"))
			cc := w.Dial("roster:///orders", config)
			if _, err := grpctest.Call(t.Context(), cc); err != nil {
				t.Errorf("%s: %v", config, err)
			}
			w.Unregister("a")
			synctest.Wait()
			start := time.Now()
			if _, err := grpctest.Call(t.Context(), cc); status.Code(err) != codes.Unavailable || time.Since(start) > 0 {
				t.Errorf("%s: nobody left: %v after %v", config, err, time.Since(start))
			}
		})
	}
}

// TestRequestsWithoutRegistry: requests go on while the registry is away, and dialing
// doesn't wait for it (etcd#9829, go-micro#2144).
func TestRequestsWithoutRegistry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		w.Start(grpctest.Instance("a", "10.0.0.1"))
		cc := w.Dial("roster:///orders", roundRobin)
		if got := w.Calls(cc, 10); got["a"] != 10 {
			t.Errorf("answered by %v", got)
		}
		w.Store.SetState(memory.Unavailable)
		time.Sleep(time.Hour) // the lease has run out, and the connection was idle
		if got := w.Calls(cc, 10); got["a"] != 10 {
			t.Errorf("an hour without the registry: answered by %v", got)
		}
		start := time.Now()
		w.Registry = w.Open()
		cc = w.Dial("roster:///orders", roundRobin)
		if time.Since(start) > 0 {
			t.Errorf("dialing took %v", time.Since(start))
		}
		if _, err := grpctest.Call(t.Context(), cc); status.Code(err) != codes.Unavailable || time.Since(start) > 2*time.Second {
			t.Errorf("a request before anything is known: %v after %v", err, time.Since(start))
		}
	})
}
