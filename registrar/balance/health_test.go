package balance_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar/balance"
)

// fail has a request to an instance fail to connect.
func fail(t *testing.T, b *balance.Balancer, id string, others ...string) {
	t.Helper()
	if got := finish(t, b, balance.Unreachable, others...); got != id {
		t.Fatalf("picked %s, want %s", got, id)
	}
}

// uses reports whether the balancer picks an instance.
func uses(t *testing.T, b *balance.Balancer, id string) bool {
	t.Helper()
	return count(t, b, 200)[id] > 0
}

// TestAvoidance checks for how long an instance is avoided that can't be connected to.
func TestAvoidance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := balance.Seed(balance.New(find(instance("a"), instance("b")), "orders"), 1)
		for i, seconds := range []int{1, 2, 4, 8, 16, 30, 30, 30} {
			want := time.Duration(seconds) * time.Second
			fail(t, b, "a", "b")
			time.Sleep(want - time.Nanosecond)
			if uses(t, b, "a") {
				t.Fatalf("after failure %d: used again before %v", i+1, want)
			}
			time.Sleep(time.Nanosecond)
			p := pick(t, b, "b")
			if p.Instance.ID != "a" {
				t.Fatalf("after failure %d: not used again after %v", i+1, want)
			}
			p.Done(balance.Result{Outcome: balance.Canceled}) // says nothing
		}
		finish(t, b, balance.OK, "b")
		fail(t, b, "a", "b")
		time.Sleep(time.Second)
		if !uses(t, b, "a") {
			t.Error("after a success the first failure counts more than one")
		}
	})
}

// TestFailuresAtOnce checks that requests which fail together count as one, and that
// those which were picked before don't say that the instance is back.
func TestFailuresAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := balance.Seed(balance.New(find(instance("a"), instance("b")), "orders"), 1)
		var together []balance.Picked
		for range 20 {
			together = append(together, pick(t, b, "b"))
		}
		for _, p := range together[:10] {
			p.Done(balance.Result{Outcome: balance.Unreachable})
		}
		for _, p := range together[10:] {
			p.Done(balance.Result{Outcome: balance.OK})
		}
		if uses(t, b, "a") {
			t.Error("used again by answers to earlier requests")
		}
		time.Sleep(time.Second)
		fail(t, b, "a", "b")
		time.Sleep(2 * time.Second)
		if !uses(t, b, "a") {
			t.Error("still avoided: ten failures at once count as ten")
		}
		earlier, later := pick(t, b, "b"), pick(t, b, "b")
		later.Done(balance.Result{Outcome: balance.Unreachable})
		earlier.Done(balance.Result{Outcome: balance.OK})
		if uses(t, b, "a") {
			t.Error("used again by the answer to a request that was picked before the last failure")
		}
	})
}

// TestSuccessEndsAvoidance: of a request that was sent there all the same.
func TestSuccessEndsAvoidance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := balance.Seed(balance.New(find(instance("a"), instance("b")), "orders"), 1)
		fail(t, b, "a", "b")
		if id := finish(t, b, balance.OK, "b"); id != "a" || !uses(t, b, "a") {
			t.Errorf("picked %s; a is avoided still", id)
		}
	})
}

// TestAtMostHalfIsAvoided checks that, whoever fails, half of the instances are used, and
// that the ones avoided are those that fail most.
func TestAtMostHalfIsAvoided(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 9; n++ {
		synctest.Test(t, func(t *testing.T) {
			b := balance.Seed(balance.New(find(many(n)...), "orders"), uint64(n))
			for range 50 * n {
				finish(t, b, balance.Unreachable)
			}
			if used := len(count(t, b, 1)); used == 0 {
				t.Error("nobody is picked")
			}
			b = balance.Seed(balance.New(find(many(n)...), "orders"), uint64(n))
			for i := range n {
				id := string(rune('a' + i))
				for range 1 + i%3 {
					fail(t, b, id, others(n, i)...)
				}
			}
			counts := map[string]int{}
			for range 1000 {
				p := pick(t, b)
				counts[p.Instance.ID]++
				p.Done(balance.Result{Outcome: balance.Canceled})
			}
			if want := n - n/2; len(counts) != want {
				t.Errorf("of %d instances that all fail %d are used, want %d: %v", n, len(counts), want, counts)
			}
			if n >= 6 && counts["c"] > 0 { // of the two or three that failed most
				t.Errorf("c is used, which failed more often than others: %v", counts)
			}
		})
	}
}

// others returns the IDs of n instances but one.
func others(n, but int) (ids []string) {
	for i := range n {
		if i != but {
			ids = append(ids, string(rune('a'+i)))
		}
	}
	return ids
}

// TestHealthOutlivesChanges checks that what is known of an instance stays while the set
// changes, and ends when it leaves.
func TestHealthOutlivesChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := find(instance("a"), instance("b"))
		b := balance.Seed(balance.New(f, "orders"), 1)
		fail(t, b, "a", "b")
		for i := range 5 {
			f.set(instance("a", weight(uint16(100+i))), instance("b"), instance(fmt.Sprint(i)))
			if uses(t, b, "a") {
				t.Fatal("a change of the set makes an avoided instance used")
			}
		}
		f.set(instance("b"), instance("c"))
		finish(t, b, balance.OK)
		f.set(instance("a"), instance("b"), instance("c"))
		if !uses(t, b, "a") {
			t.Error("an instance that is new is avoided for what another was")
		}
	})
}

// TestCapacityOfAvoided checks that an avoided instance is no capacity of its locality.
func TestCapacityOfAvoided(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := balance.Seed(balance.New(find(
			instance("a", locality("x")), instance("b", locality("x")), instance("c", locality("y")), instance("d", locality("y")),
		), "orders", balance.WithLocality("x")), 1)
		fits(t, count(t, b, draws), map[string]float64{"a": 1, "b": 1})
		fail(t, b, "a", "b", "c", "d")
		fits(t, count(t, b, draws), map[string]float64{"b": 4, "c": 1, "d": 1})
	})
}
