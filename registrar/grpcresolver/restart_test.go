package grpcresolver_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/rosterdns/roster/registrar/grpcresolver/internal/grpctest"
)

const (
	servers = 10
	users   = 16
	// pace is how long a request takes: with so many users 1,600 requests a second.
	pace = 10 * time.Millisecond
	// between is the time between two events.
	between = 50 * time.Millisecond
)

// traffic is users who send requests one after the other.
type traffic struct {
	*testing.T
	cc   *grpc.ClientConn
	stop atomic.Bool
	wg   sync.WaitGroup

	mu       sync.Mutex
	answered int
	errs     []error
}

func (f *traffic) start() {
	for range users {
		f.wg.Go(func() {
			for !f.stop.Load() {
				_, err := grpctest.Call(f.Context(), f.cc)
				f.mu.Lock()
				if f.answered++; err != nil {
					f.errs = append(f.errs, err)
				}
				f.mu.Unlock()
			}
		})
	}
}

// failures returns the errors since the last call.
func (f *traffic) failures() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	errs := f.errs
	f.errs = nil
	return errs
}

func (f *traffic) end() {
	f.stop.Store(true)
	f.wg.Wait()
	if f.answered < servers*users*int(between/pace)/2 {
		f.Errorf("only %d requests", f.answered)
	}
}

// fleet starts the servers of orders, which take some time for a request.
func fleet(w *grpctest.World) (list [servers]*grpctest.Server) {
	for i := range list {
		list[i] = startAt(w, i)
	}
	return list
}

func startAt(w *grpctest.World, i int) *grpctest.Server {
	s := w.Start(grpctest.Instance(fmt.Sprintf("i%d", i), fmt.Sprintf("10.0.0.%d", i+1)))
	s.On(func(context.Context) error { time.Sleep(pace); return nil })
	return s
}

// TestRollingRestart: servers that are drained, stop once their requests have ended and
// start again lose no request, with each policy.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	for _, config := range []string{pickFirst, roundRobin, weightedRandom, ringHash, leastRequest} {
		synctest.Test(t, func(t *testing.T) {
			w := grpctest.New(t)
			list := fleet(w)
			f := &traffic{T: t, cc: w.Dial("roster:///orders", config)}
			f.start()
			defer f.end()
			for i, s := range list {
				time.Sleep(between)
				in := grpctest.Instance(s.Name, fmt.Sprintf("10.0.0.%d", i+1))
				in.Status = "draining"
				w.Register(in)
				time.Sleep(between) // registrar run's --drain-delay
				w.Unregister(s.Name)
				s.GracefulStop()
				startAt(w, i)
			}
			time.Sleep(between)
			for _, err := range f.failures() {
				t.Errorf("%s: %v", config, err)
			}
		})
	}
}

// TestKill: when a server dies, only the requests fail that were under way to it. It stays
// registered for a while, as until its lease runs out.
func TestKill(t *testing.T) {
	t.Parallel()
	for _, config := range []string{roundRobin, weightedRandom, ringHash, leastRequest} {
		synctest.Test(t, func(t *testing.T) {
			w := grpctest.New(t)
			list := fleet(w)
			f := &traffic{T: t, cc: w.Dial("roster:///orders", config)}
			f.start()
			defer f.end()
			for i, s := range list {
				time.Sleep(between)
				s.Stop()
				time.Sleep(between)
				if errs := f.failures(); len(errs) > users {
					t.Errorf("%s: %d requests failed by the death of one server, want at most the %d under way: %v", config, len(errs), users, errs[0])
				}
				w.Unregister(s.Name)
				startAt(w, i)
				time.Sleep(between)
				for _, err := range f.failures() {
					t.Errorf("%s: after the death: %v", config, err)
				}
			}
		})
	}
}

// TestAllDie: requests fail at once while all servers are dead, and go on when one is back.
func TestAllDie(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		for _, s := range fleet(w) {
			s.Stop()
		}
		cc := w.Dial("roster:///orders", weightedRandom)
		if _, err := grpctest.Call(t.Context(), cc); err == nil {
			t.Error("a request was answered by the dead")
		}
		startAt(w, 0)
		if name, err := grpctest.Call(t.Context(), cc, grpc.WaitForReady(true)); name != "i0" {
			t.Errorf("one is back: %q, %v", name, err)
		}
	})
}

// TestBothFamilies: an instance with two addresses is one endpoint, and is connected to by
// the address that answers.
func TestBothFamilies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		both := grpctest.Instance("both", "2001:db8::1")
		both.Addresses = append(both.Addresses, netip.MustParseAddr("10.0.0.1"))
		w.Register(both)
		w.Serve("both", "10.0.0.1")
		w.Start(grpctest.Instance("other", "10.0.0.2"))
		cc := w.Dial("roster:///orders", roundRobin)
		synctest.Wait()
		if got := w.Calls(cc, 10); got["both"] != 5 || got["other"] != 5 {
			t.Errorf("answered by %v", got)
		}
	})
}
