package balance_test

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/balance"
)

// server says how long a request takes when so many others are there already.
type server func(inFlight int) time.Duration

// steady takes the same time whatever the load.
func steady(d time.Duration) server { return func(int) time.Duration { return d } }

// queue works on one request after the other.
func queue(each time.Duration) server {
	return func(inFlight int) time.Duration { return each * time.Duration(inFlight+1) }
}

// request is one that is being worked on.
type request struct {
	ends    time.Time
	picked  balance.Picked
	outcome balance.Outcome
}

type requests []request

func (r requests) Len() int           { return len(r) }
func (r requests) Less(i, j int) bool { return r[i].ends.Before(r[j].ends) }
func (r requests) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *requests) Push(x any)        { *r = append(*r, x.(request)) }
func (r *requests) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}

// result is what came of a simulation.
type result struct {
	counts  map[string]int
	most    map[string]int // in flight at a time
	latency time.Duration  // on average
}

// simulate sends n requests, one each interval, in a bubble of synctest. Servers that
// fail do so for each request.
func simulate(t *testing.T, b *balance.Balancer, servers map[string]server, n int, interval time.Duration, failing ...string) result {
	t.Helper()
	var running requests
	r := result{counts: map[string]int{}, most: map[string]int{}}
	inFlight := map[string]int{}
	end := func() {
		q := heap.Pop(&running).(request)
		time.Sleep(time.Until(q.ends))
		inFlight[q.picked.Instance.ID]--
		q.picked.Done(balance.Result{Outcome: q.outcome})
	}
	start := time.Now()
	for i := range n {
		at := start.Add(time.Duration(i) * interval)
		for len(running) > 0 && !running[0].ends.After(at) {
			end()
		}
		time.Sleep(time.Until(at))
		q := request{picked: pick(t, b)}
		id := q.picked.Instance.ID
		for _, f := range failing {
			if f == id {
				q.outcome = balance.Failed
			}
		}
		took := servers[id](inFlight[id])
		q.ends = at.Add(took)
		r.latency += took / time.Duration(n)
		r.counts[id]++
		inFlight[id]++
		r.most[id] = max(r.most[id], inFlight[id])
		heap.Push(&running, q)
	}
	for len(running) > 0 {
		end()
	}
	return r
}

func leastLoaded(instances ...registrar.Instance) *balance.Balancer {
	return balance.Seed(balance.New(find(instances...), "orders", balance.WithPolicy(balance.LeastLoaded)), 1)
}

// TestSlowInstance checks that one of five that takes ten times as long gets a small part
// of its share while it is slow, and all of it afterwards.
func TestSlowInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := leastLoaded(many(5)...)
		fast := steady(20 * time.Millisecond)
		servers := map[string]server{"a": steady(200 * time.Millisecond), "b": fast, "c": fast, "d": fast, "e": fast}
		slow := simulate(t, b, servers, 10_000, 2*time.Millisecond)
		if share := slow.counts["a"]; share > 10_000/5/4 {
			t.Errorf("the slow instance gets %d of 10,000 requests, want at most a quarter of its share: %v", share, slow.counts)
		}
		servers["a"] = fast
		simulate(t, b, servers, 20_000, 2*time.Millisecond) // 40 s, in which it recovers
		if again := simulate(t, b, servers, 10_000, 2*time.Millisecond); again.counts["a"] < 10_000/5*3/4 {
			t.Errorf("once it is fast again it gets %d of 10,000 requests: %v", again.counts["a"], again.counts)
		}
	})
}

// TestQueues compares with chance alone: with one queue for each instance, and a load of
// nine tenths, requests wait far less.
func TestQueues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := map[string]server{}
		list := many(10)
		for _, in := range list {
			servers[in.ID] = queue(10 * time.Millisecond)
		}
		interval := 10 * time.Millisecond * 10 / 9 / 10
		least := simulate(t, leastLoaded(list...), servers, 20_000, interval)
		random := simulate(t, balance.Seed(balance.New(find(list...), "orders"), 1), servers, 20_000, interval)
		if least.latency > random.latency/2 {
			t.Errorf("a request takes %v on average, want at most half of what it takes by chance: %v", least.latency, random.latency)
		}
	})
}

// TestWeightsUnderLoad checks that an instance of four times the weight, which is four
// times as fast, gets four times as much under a load for which the queues matter.
func TestWeightsUnderLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := leastLoaded(instance("a", weight(400)), instance("b"), instance("c"))
		servers := map[string]server{"a": queue(10 * time.Millisecond), "b": queue(40 * time.Millisecond), "c": queue(40 * time.Millisecond)}
		r := simulate(t, b, servers, 20_000, 10*time.Millisecond*4/6*10/8)
		if share := float64(r.counts["a"]) / 20_000; share < 0.55 || share > 0.85 {
			t.Errorf("the fast instance gets %.2f of the requests, want about two thirds: %v", share, r.counts)
		}
	})
}

// TestFailingFast checks that an instance which fails at once does not attract requests.
func TestFailingFast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fine := steady(20 * time.Millisecond)
		servers := map[string]server{"a": steady(0), "b": fine, "c": fine, "d": fine}
		if r := simulate(t, leastLoaded(many(4)...), servers, 10_000, 2*time.Millisecond, "a"); r.counts["a"] > 10_000/4/4 {
			t.Errorf("the failing instance gets %d of 10,000 requests, want at most a quarter of its share: %v", r.counts["a"], r.counts)
		}
	})
}

// TestHanging checks that an instance that doesn't answer any more gets hardly anything,
// whether it has ever answered or not.
func TestHanging(t *testing.T) {
	t.Parallel()
	for _, answered := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b, fine := leastLoaded(many(4)...), steady(200*time.Millisecond)
			servers := map[string]server{"a": fine, "b": fine, "c": fine, "d": fine}
			if answered {
				simulate(t, b, servers, 1000, 2*time.Millisecond)
			}
			servers["a"] = steady(time.Hour)
			if r := simulate(t, b, servers, 50_000, 2*time.Millisecond); r.counts["a"] > 100 {
				t.Errorf("%d of 50,000 requests hang, want at most 100: %v", r.counts["a"], r.counts)
			}
		})
	}
}

// TestCanceled checks that a request which the program gave up counts as slow if it was,
// and never as fast.
func TestCanceled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := leastLoaded(many(2)...)
		request := func(id string, took time.Duration, outcome balance.Outcome) {
			p := pick(t, b, map[string]string{"a": "b", "b": "a"}[id])
			time.Sleep(took)
			p.Done(balance.Result{Outcome: outcome})
		}
		request("a", 20*time.Millisecond, balance.OK)
		request("b", 20*time.Millisecond, balance.OK)
		request("a", time.Second, balance.Canceled)
		for range 20 {
			p := pick(t, b)
			time.Sleep(10 * time.Millisecond)
			p.Done(balance.Result{})
			if p.Instance.ID != "b" {
				t.Fatal("picked the instance whose requests are given up after a second")
			}
		}
		open := pick(t, b, "b")
		time.Sleep(time.Minute)
		request("a", 0, balance.Canceled)
		request("b", 20*time.Millisecond, balance.OK)
		if p := pick(t, b); p.Instance.ID != "b" {
			t.Error("picked the one that has not answered for a minute: a request that is given up at once makes it look fast")
		}
		open.Done(balance.Result{})
	})
}

// TestCanceledAtOnce checks that a request which is given up at once says nothing of an
// instance of which nothing is known: it would look like the fastest, and be flooded.
func TestCanceledAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := leastLoaded(many(2)...)
		known := pick(t, b, "b")
		time.Sleep(50 * time.Millisecond)
		known.Done(balance.Result{})
		finish(t, b, balance.Canceled, "a")
		open := map[string]int{}
		for range 10 {
			open[pick(t, b).Instance.ID]++
		}
		if open["a"] != 5 {
			t.Errorf("of 10 requests at once %v, want as many for each", open)
		}
	})
}

// TestNewInstance checks that one of which nothing is known is not flooded.
func TestNewInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := find(many(9)...)
		b := balance.Seed(balance.New(f, "orders", balance.WithPolicy(balance.LeastLoaded)), 1)
		servers := map[string]server{}
		for _, in := range many(10) {
			servers[in.ID] = steady(50 * time.Millisecond)
		}
		simulate(t, b, servers, 5000, time.Millisecond)
		f.set(many(10)...)
		r := simulate(t, b, servers, 1000, time.Millisecond)
		if share := r.counts["j"]; share < 50 || share > 200 {
			t.Errorf("the new instance gets %d of 1,000 requests, want its share of 100, or twice that: %v", share, r.counts)
		}
	})
}

// TestWeightBoundsLoad checks that an instance of little weight, such as one with a new
// version to be tried, gets at most twice its share however fast it is.
func TestWeightBoundsLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := leastLoaded(instance("a", weight(2)), instance("b", weight(98)))
		servers := map[string]server{"a": steady(2 * time.Millisecond), "b": steady(90 * time.Millisecond)}
		if r := simulate(t, b, servers, 10_000, 10*time.Millisecond); r.counts["a"] < 200 || r.counts["a"] > 500 {
			t.Errorf("an instance with 2 %% of the weight gets %d of 10,000 requests, want 200 to 400", r.counts["a"])
		}
	})
}

// TestWeightsUnderNoise checks that weights hold, more or less, where latencies differ by
// chance alone. Peaks count, and more of them show where more requests are sent: that
// favours a light instance a little.
func TestWeightsUnderNoise(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := leastLoaded(instance("a", weight(100)), instance("b", weight(300)), instance("c", weight(600)))
		r := rand.New(rand.NewPCG(4, 4))
		noisy := func(int) time.Duration { return time.Duration(1 + r.ExpFloat64()*float64(20*time.Millisecond)) }
		got := simulate(t, b, map[string]server{"a": noisy, "b": noisy, "c": noisy}, 50_000, 100*time.Millisecond)
		for id, want := range map[string]float64{"a": 0.1, "b": 0.3, "c": 0.6} {
			if share := float64(got.counts[id]) / 50_000; math.Abs(share-want) > 0.1 {
				t.Errorf("%s gets %.3f of the requests, want %.1f: %v", id, share, want, got.counts)
			}
		}
	})
}
