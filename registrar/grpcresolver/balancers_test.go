package grpcresolver_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/grpcresolver/internal/grpctest"

	_ "github.com/rosterdns/roster/registrar/grpcresolver/weightedrandom"
	_ "google.golang.org/grpc/balancer/leastrequest"
	_ "google.golang.org/grpc/balancer/ringhash"
	_ "google.golang.org/grpc/balancer/weightedroundrobin"
)

// Service configs, as README.md shows them.
const (
	pickFirst          = `{"loadBalancingConfig":[{"pick_first":{"shuffleAddressList":true}}]}`
	roundRobin         = `{"loadBalancingConfig":[{"round_robin":{}}]}`
	weightedRandom     = `{"loadBalancingConfig":[{"roster_weighted_random":{}}]}`
	weightedRoundRobin = `{"loadBalancingConfig":[{"weighted_round_robin":{}}]}`
	ringHash           = `{"loadBalancingConfig":[{"ring_hash_experimental":{"requestHashHeader":"user"}}]}`
	leastRequest       = `{"loadBalancingConfig":[{"least_request_experimental":{"choiceCount":2}}]}`
)

// weighing returns an instance with a weight.
func weighing(id, address string, weight uint16) registrar.Instance {
	in := grpctest.Instance(id, address)
	in.Weight = weight
	return in
}

// TestDistribution: which share of requests each policy gives to instances with the weights
// 100, 200 and 700.
func TestDistribution(t *testing.T) {
	t.Parallel()
	const n = 4000
	equal := map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3}
	weighted := map[string]float64{"a": 0.1, "b": 0.2, "c": 0.7}
	for name, tt := range map[string]struct {
		config    string
		want      map[string]float64
		tolerance float64 // of a share
	}{
		"round_robin":          {roundRobin, equal, 0.001},
		"weighted_round_robin": {weightedRoundRobin, equal, 0.001}, // without load reports
		"least_request":        {leastRequest, equal, 0.04},        // one request at a time
		// The standard deviation of a share is at most √(0.7 × 0.3 / 4000) = 0.7 %.
		"weighted_random": {weightedRandom, weighted, 0.036},
		// And the arcs of the ring are as long as the hashes of the IDs happen to be apart.
		"ring_hash": {ringHash, weighted, 0.08},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := grpctest.New(t)
				w.Start(weighing("a", "10.0.0.1", 100))
				w.Start(weighing("b", "10.0.0.2", 200))
				w.Start(weighing("c", "10.0.0.3", 700))
				cc := w.Dial("roster:///orders", tt.config)
				w.Calls(cc, 100) // ring_hash connects to an instance with the first request for it
				synctest.Wait()
				got := w.Calls(cc, n)
				t.Log(got)
				for id, share := range tt.want {
					if is := float64(got[id]) / n; math.Abs(is-share) > tt.tolerance {
						t.Errorf("%s: share %.3f, want %.3f ± %.3f", id, is, share, tt.tolerance)
					}
				}
			})
		})
	}
}

// TestPickFirst: all requests go to one instance; to another when that leaves, and those in
// flight end where they are.
func TestPickFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		servers := map[string]*grpctest.Server{}
		for i, id := range []string{"a", "b", "c"} {
			servers[id] = w.Start(grpctest.Instance(id, fmt.Sprintf("10.0.0.%d", i+1)))
		}
		cc := w.Dial("roster:///orders", pickFirst)
		got := w.Calls(cc, 50)
		if len(got) != 1 || got[""] > 0 {
			t.Fatalf("answered by %v, want one", got)
		}
		first := slices.Collect(maps.Keys(got))[0]
		finish, answered := make(chan struct{}), make(chan string)
		servers[first].On(func(context.Context) error { <-finish; return nil })
		go func() {
			name, err := grpctest.Call(t.Context(), cc)
			answered <- fmt.Sprint(name, err)
		}()
		synctest.Wait()
		w.Unregister(first)
		synctest.Wait()
		if got := w.Calls(cc, 50); len(got) != 1 || got[""] > 0 || got[first] > 0 {
			t.Errorf("when %s has left: answered by %v", first, got)
		}
		close(finish)
		if got := <-answered; got != fmt.Sprint(first, nil) {
			t.Errorf("the request in flight: %s", got)
		}
	})
}

// TestRoundRobin: instances come and go.
func TestRoundRobin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		w.Start(grpctest.Instance("a", "10.0.0.1"))
		w.Start(grpctest.Instance("b", "10.0.0.2"))
		cc := w.Dial("roster:///orders", roundRobin)
		synctest.Wait()
		if got := w.Calls(cc, 10); got["a"] != 5 || got["b"] != 5 {
			t.Errorf("answered by %v", got)
		}
		w.Start(grpctest.Instance("c", "10.0.0.3"))
		synctest.Wait()
		if got := w.Calls(cc, 9); got["a"] != 3 || got["b"] != 3 || got["c"] != 3 {
			t.Errorf("with a third: answered by %v", got)
		}
		drained := grpctest.Instance("a", "10.0.0.1")
		drained.Status = "draining"
		w.Register(drained)
		w.Unregister("b")
		synctest.Wait()
		if got := w.Calls(cc, 9); got["c"] != 9 {
			t.Errorf("only the third left: answered by %v", got)
		}
	})
}

// TestRingHash: a user stays with an instance when others come, and when the instance gets
// another address.
func TestRingHash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		for i := range 5 {
			w.Start(grpctest.Instance(fmt.Sprintf("i%d", i), fmt.Sprintf("10.0.0.%d", i+1)))
		}
		cc := w.Dial("roster:///orders", ringHash)
		homes := func() map[string]string {
			t.Helper()
			home := map[string]string{}
			for i := range 100 {
				user := fmt.Sprintf("user-%d", i)
				name, err := grpctest.Call(metadata.AppendToOutgoingContext(t.Context(), "user", user), cc)
				if err != nil {
					t.Fatal(err)
				}
				home[user] = name
			}
			return home
		}
		before := homes()
		if again := homes(); !maps.Equal(again, before) {
			t.Error("users have moved without a change")
		}
		w.Start(grpctest.Instance("i0", "10.1.0.1")) // in place of the one with 10.0.0.1
		synctest.Wait()
		if again := homes(); !maps.Equal(again, before) {
			t.Error("users have moved when an instance got another address")
		}
		w.Start(grpctest.Instance("i5", "10.0.0.6"))
		synctest.Wait()
		moved := 0
		for user, home := range homes() {
			if home != before[user] {
				moved++
			}
		}
		if moved == 0 || moved > 40 { // a sixth and some, as gRPC gives the others fewer entries on the ring
			t.Errorf("%d of 100 users have moved to a sixth instance", moved)
		}
	})
}

// TestLeastRequest: an instance that doesn't answer gets few requests.
func TestLeastRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		finish := make(chan struct{})
		slow := w.Start(grpctest.Instance("a", "10.0.0.1"))
		slow.On(func(context.Context) error { <-finish; return nil })
		for i, id := range []string{"b", "c", "d"} {
			w.Start(grpctest.Instance(id, fmt.Sprintf("10.0.0.%d", i+2)))
		}
		cc := w.Dial("roster:///orders", leastRequest)
		synctest.Wait()
		var mu sync.Mutex
		var done sync.WaitGroup
		answered := map[string]int{}
		for range 200 {
			done.Go(func() {
				name, _ := grpctest.Call(t.Context(), cc)
				mu.Lock()
				defer mu.Unlock()
				answered[name]++
			})
			synctest.Wait()
		}
		// Of two random choices both are the one that hangs in a sixteenth of the cases: 12.5
		// requests, with a standard deviation of 3.4, and a few at first. At random they were 50.
		mu.Lock()
		if n := len(answered); n != 3 || answered["a"] > 0 {
			t.Errorf("answered by %v", answered)
		}
		if n := answered["b"] + answered["c"] + answered["d"]; n < 167 {
			t.Errorf("%d of 200 requests were answered though one of four instances hangs", n)
		}
		mu.Unlock()
		close(finish)
		done.Wait()
		if answered[""] > 0 {
			t.Errorf("answered by %v", answered)
		}
	})
}

// TestClientHealthChecks: an instance that says it isn't serving gets no requests.
func TestClientHealthChecks(t *testing.T) {
	t.Parallel()
	for _, config := range []string{roundRobin, weightedRandom, leastRequest} {
		synctest.Test(t, func(t *testing.T) {
			w := grpctest.New(t)
			a, b := w.Start(grpctest.Instance("a", "10.0.0.1")), w.Start(grpctest.Instance("b", "10.0.0.2"))
			a.Health.SetServingStatus("orders", healthpb.HealthCheckResponse_SERVING)
			b.Health.SetServingStatus("orders", healthpb.HealthCheckResponse_SERVING)
			cc := w.Dial("roster:///orders", strings.Replace(config, "{", `{"healthCheckConfig":{"serviceName":"orders"},`, 1))
			synctest.Wait()
			if got := w.Calls(cc, 100); got["a"] < 20 || got["b"] < 20 {
				t.Errorf("%s: answered by %v", config, got)
			}
			b.Health.SetServingStatus("orders", healthpb.HealthCheckResponse_NOT_SERVING)
			synctest.Wait()
			if got := w.Calls(cc, 100); got["a"] != 100 {
				t.Errorf("%s: answered by %v, though b doesn't serve", config, got)
			}
			b.Health.SetServingStatus("orders", healthpb.HealthCheckResponse_SERVING)
			synctest.Wait()
			if got := w.Calls(cc, 100); got["b"] < 20 {
				t.Errorf("%s: answered by %v, though b serves again", config, got)
			}
		})
	}
}

// TestAuthority: servers see the service's name, as those of package httpbalance do.
func TestAuthority(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := grpctest.New(t)
		var authority []string
		w.Start(grpctest.Instance("a", "10.0.0.1")).On(func(ctx context.Context) error {
			md, _ := metadata.FromIncomingContext(ctx)
			authority = append(authority, md.Get(":authority")...)
			return nil
		})
		for _, target := range []string{"roster:///orders", "roster://default/orders?status=any&port=grpc"} {
			if _, err := grpctest.Call(t.Context(), w.Dial(target, roundRobin)); err != nil {
				t.Error(err)
			}
		}
		if want := []string{"orders.roster", "orders.default.roster"}; !slices.Equal(authority, want) {
			t.Errorf("authorities %q, want %q", authority, want)
		}
	})
}
