package balance_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/balance"
)

const draws = 30_000

// TestByWeight checks that, where all are equally loaded, each instance gets its share by
// weight, whatever the policy.
func TestByWeight(t *testing.T) {
	t.Parallel()
	for _, policy := range []balance.Policy{balance.Weighted, balance.LeastLoaded} {
		for seed, weights := range [][]uint16{{1}, {1, 1}, {100, 0}, {1, 2, 3, 4}, {65535, 1000}, {10, 10, 10, 500, 10}} {
			synctest.Test(t, func(t *testing.T) {
				list, share := many(len(weights)), map[string]float64{}
				for i, w := range weights {
					list[i].Weight = w
					share[list[i].ID] = float64(w)
					if w == 0 {
						share[list[i].ID] = 100
					}
				}
				b := balance.Seed(balance.New(find(list...), "orders", balance.WithPolicy(policy)), uint64(seed))
				fits(t, count(t, b, draws), share)
			})
		}
	}
}

func TestByPriority(t *testing.T) {
	t.Parallel()
	b := balance.Seed(balance.New(find(
		instance("a", priority(2), weight(65535)), instance("b", priority(1), weight(300)),
		instance("c", priority(1)), instance("d", priority(3)),
	), "orders"), 1)
	fits(t, count(t, b, draws), map[string]float64{"b": 300, "c": 100})
	fits(t, count(t, b, 1000, "b"), map[string]float64{"c": 1})
	fits(t, count(t, b, 1000, "b", "c"), map[string]float64{"a": 1})
	fits(t, count(t, b, 1000, "a", "b", "c"), map[string]float64{"d": 1})
	for _, id := range []string{"b", "c"} {
		fail(t, b, id, others(4, int(id[0]-'a'))...)
	}
	fits(t, count(t, b, 1000), map[string]float64{"a": 1})
}

func TestShares(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		weights map[string]float64
		own     string
		want    map[string]float64
	}{
		{map[string]float64{"x": 1, "y": 1, "z": 1}, "x", map[string]float64{"x": 1}},
		{map[string]float64{"x": 3, "y": 1}, "x", map[string]float64{"x": 1}},
		{map[string]float64{"x": 1, "y": 3}, "x", map[string]float64{"x": 0.5, "y": 0.5}},
		{map[string]float64{"x": 1, "y": 2, "z": 3}, "x", map[string]float64{"x": 0.5, "z": 0.5}},
		{map[string]float64{"x": 1, "y": 2, "z": 3}, "y", map[string]float64{"y": 1}},
		{map[string]float64{"x": 0.5, "y": 2, "z": 3.5}, "x", map[string]float64{"x": 0.25, "z": 0.75}},
		{map[string]float64{"x": 1, "y": 3, "z": 4, "v": 0.5, "w": 1.5}, "x", map[string]float64{"x": 0.5, "y": 0.5 / 3, "z": 1.0 / 3}},
		{map[string]float64{"x": 1, "y": 3}, "elsewhere", map[string]float64{"x": 0.25, "y": 0.75}},
		{map[string]float64{"x": 1, "": 3}, "x", map[string]float64{"x": 0.25, "": 0.75}},
		{map[string]float64{"x": 2}, "x", map[string]float64{"x": 1}},
		{map[string]float64{"": 2}, "x", map[string]float64{"": 1}},
		{map[string]float64{"": 2}, "", map[string]float64{"": 1}},
	} {
		got := balance.Shares(c.weights, c.own)
		for locality := range c.weights {
			if math.Abs(got[locality]-c.want[locality]) > 1e-9 {
				t.Errorf("weights %v, own %q: %v, want %v", c.weights, c.own, got, c.want)
				break
			}
		}
	}
}

// TestSharesMeetCapacity checks what the formula is for: with clients spread evenly over
// the localities each locality gets load in proportion to its capacity, and no client
// sends more elsewhere than its own locality can't take.
func TestSharesMeetCapacity(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		weights, total, named := map[string]float64{}, 0.0, 0.0
		for i := range 1 + r.IntN(6) {
			name := fmt.Sprintf("az%d", i)
			if i == 5 {
				name = ""
			} else {
				named++
			}
			weights[name] = float64(1 + r.IntN(1000))
			total += weights[name]
		}
		load := map[string]float64{}
		for own := range weights {
			if own == "" {
				continue
			}
			share := balance.Shares(weights, own)
			for locality, s := range share {
				load[locality] += s / named
			}
			if want := min(1, weights[own]/total*named); math.Abs(share[own]-want) > 1e-9 {
				t.Fatalf("%v: %v of the load of %s stays there, want %v", weights, share[own], own, want)
			}
		}
		for locality, w := range weights {
			if math.Abs(load[locality]-w/total) > 1e-9 {
				t.Fatalf("%v: locality %q gets %v of the load, want %v", weights, locality, load[locality], w/total)
			}
		}
	}
}

func TestLocality(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testLocality)
}

func testLocality(t *testing.T) {
	f := find(
		instance("a", locality("x")), instance("b", locality("x"), weight(50)),
		instance("c", locality("y"), weight(300)), instance("d", locality("z"), weight(100)), instance("e", locality("z"), weight(350)),
		instance("f", locality("x"), priority(1)),
	)
	// The capacities are 1/6, 1/3 and 1/2.
	for _, policy := range []balance.Policy{balance.Weighted, balance.LeastLoaded} {
		for own, share := range map[string]map[string]float64{
			"x":         {"a": 100, "b": 50, "d": 150 * 100. / 450, "e": 150 * 350. / 450},
			"y":         {"c": 1},
			"z":         {"d": 100, "e": 350},
			"elsewhere": {"a": 100, "b": 50, "c": 300, "d": 100, "e": 350},
			"":          {"a": 100, "b": 50, "c": 300, "d": 100, "e": 350},
		} {
			b := balance.Seed(balance.New(f, "orders", balance.WithLocality(own), balance.WithPolicy(policy)), 3)
			fits(t, count(t, b, draws), share)
			if own == "y" {
				fits(t, count(t, b, 10_000, "c"), map[string]float64{"a": 100, "b": 50, "d": 100, "e": 350})
			}
		}
	}
}

// TestLocalitySpillsOver checks that the load leaves a locality as its instances go.
func TestLocalitySpillsOver(t *testing.T) {
	t.Parallel()
	local := []registrar.Instance{instance("a", locality("x")), instance("b", locality("x")), instance("c", locality("x")), instance("d", locality("x"))}
	remote := []registrar.Instance{instance("e", locality("y")), instance("f", locality("y")), instance("g", locality("y")), instance("h", locality("y"))}
	f := &finder{}
	b := balance.Seed(balance.New(f, "orders", balance.WithLocality("x")), 5)
	for left := 4; left >= 0; left-- {
		f.set(append(local[:left:left], remote...)...)
		counts := count(t, b, draws)
		stays := 0
		for _, in := range local {
			stays += counts[in.ID]
		}
		want := float64(draws) * min(1, 2*float64(left)/float64(left+4))
		// Five standard deviations of the binomial distribution.
		if off := math.Abs(float64(stays) - want); off > 5*math.Sqrt(want*(1-want/draws)) {
			t.Errorf("with %d of 4 instances left, %d of %d requests stay in the locality, want %.0f", left, stays, draws, want)
		}
	}
}

// TestPicked checks, for sets made at random, what holds of every pick.
func TestPicked(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	f := &finder{}
	for round := range 300 {
		list := many(1 + r.IntN(12))
		for i := range list {
			list[i].Weight, list[i].Priority = uint16(r.IntN(300)), uint16(r.IntN(3))
			list[i].Locality = []string{"", "x", "y", "z"}[r.IntN(4)]
		}
		f.set(list...)
		b := balance.Seed(balance.New(f, "orders",
			balance.WithPolicy(balance.Policy(r.IntN(2))), balance.WithLocality([]string{"", "x", "q"}[r.IntN(3)])), uint64(round))
		var exclude []string
		for len(exclude) < len(list) {
			p := pick(t, b, exclude...)
			for _, in := range list {
				excluded := false
				for _, id := range exclude {
					excluded = excluded || in.ID == id
				}
				if excluded && in.ID == p.Instance.ID {
					t.Fatalf("picked %s, which is excluded", in.ID)
				}
				if !excluded && in.Priority < p.Instance.Priority {
					t.Fatalf("picked %s of priority %d before %s of %d", p.Instance.ID, p.Instance.Priority, in.ID, in.Priority)
				}
			}
			exclude = append(exclude, p.Instance.ID)
			p.Done(balance.Result{})
		}
	}
}
