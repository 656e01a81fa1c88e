package services

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// runLastSets runs a guard with a default of keep_last, inside a bubble.
func runLastSets(t *testing.T, percent int, keepLast time.Duration, run func(*guarded)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &guarded{t: t, keepLast: keepLast}
		g.start(percent)
		defer func() { g.stop() }()
		run(g)
	})
}

// change commits events, each at a revision of its own: "key" deletes, "key value"
// puts.
func (g *guarded) change(events ...string) { g.commit(mirror.CauseWatch, events...) }

func (g *guarded) commit(cause mirror.Cause, events ...string) {
	st := g.Stage()
	for _, e := range events {
		g.revision++
		ev := del(g.revision, e)
		if k, v, ok := strings.Cut(e, " "); ok {
			ev = put(g.revision, k, v)
		}
		stageAll(st, []mirror.Event{ev})
	}
	st.Commit(mirror.Commit{Cause: cause, Revision: g.revision})
}

// serves checks what is served, without revisions, and how much of it as last sets.
func (g *guarded) serves(lastSets int, want ...string) {
	g.t.Helper()
	gen := g.store.Load()
	if got := withoutRevisions(show(gen)); !slices.Equal(got, want) {
		g.t.Errorf("served %q, want %q", got, want)
	}
	if n := g.LastSets(); n != lastSets {
		g.t.Errorf("%d of last sets, want %d", n, lastSets)
	}
	for _, err := range []error{check(gen), checkIndexes(gen)} {
		if err != nil {
			g.t.Error(err)
		}
	}
	if gen.Revision() != g.revision {
		g.t.Errorf("revision %d, want %d", gen.Revision(), g.revision)
	}
}

const (
	up       = `{"addresses":["10.0.0.7"],"weight":1}`
	down     = `{"addresses":["10.0.0.7"],"weight":1,"status":"down"}`
	draining = `{"addresses":["10.0.0.7"],"weight":1,"status":"draining"}`
)

// TestLastSet: the last instance that is up stays for the time, then it is gone.
func TestLastSet(t *testing.T) {
	t.Parallel()
	runLastSets(t, 0, time.Minute, func(g *guarded) {
		g.change("n/s/a "+up, "n/s/b "+up, "n/s/c "+draining, "n/t/a "+up)
		g.change("n/s/b") // another one is up
		g.serves(0, "n/s: a=1/up c=1/draining", "n/t: a=1/up")
		before := g.store.Load().Service("n", "s")
		u := g.store.Subscribe()
		u.Next()
		g.change("n/s/a")
		g.serves(1, "n/s: a=1/up c=1/draining", "n/t: a=1/up")
		if g.store.Load().Service("n", "s") != before {
			t.Error("nothing that readers see has changed, but there is a new version")
		}
		if deltas, _ := u.Next(); len(deltas) != 1 || len(deltas[0].Changes) != 0 {
			t.Errorf("told of %+v, want that a snapshot has more to say", deltas)
		}
		g.passed(time.Minute - time.Second)
		g.serves(1, "n/s: a=1/up c=1/draining", "n/t: a=1/up")
		serial := g.store.Load().Serial()
		g.passed(2 * time.Second)
		g.serves(0, "n/s: c=1/draining", "n/t: a=1/up")
		if after := g.store.Load().Serial(); after <= serial {
			t.Errorf("serial %d after %d: want it to rise", after, serial)
		}
		if deltas, _ := u.Next(); len(deltas) != 1 || len(deltas[0].Changes) != 1 {
			t.Errorf("told of %+v, want one change", deltas)
		}
		log := strings.Join(g.sk.lines(), "")
		if g.lastSets != 1 || strings.Count(log, "service=n/s services=1 instances=1 for=1m0s") != 1 || strings.Count(log, "removed=1") != 1 {
			t.Errorf("told of %d, logged:\n%s", g.lastSets, log)
		}
		if !g.last.idle() {
			t.Errorf("remembered: %+v", g.last)
		}
	})
}

// TestLastSetOfOneCommit: those that went with the last one stay, not those before.
func TestLastSetOfOneCommit(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]mirror.Cause{"watch": mirror.CauseWatch, "list": mirror.CauseList} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runLastSets(t, 0, time.Minute, func(g *guarded) {
				g.change("n/s/a "+up, "n/s/b "+up, "n/s/c "+up, "n/s/d "+down)
				g.change("n/s/a")
				g.commit(cause, "n/s/b", "n/s/c", "n/s/d")
				g.serves(2, "n/s: b=1/up c=1/up")
				g.passed(time.Minute + guardTick)
				g.serves(0)
			})
		})
	}
	t.Run("range that is dropped", func(t *testing.T) {
		t.Parallel()
		runLastSets(t, 0, time.Minute, func(g *guarded) {
			g.change("n/s/a " + up)
			g.commit(mirror.CauseDrop, "n/s/a")
			g.serves(0)
		})
	})
}

// TestLastSetUnregistered: who says that it goes, or is taken out, goes at once.
func TestLastSetUnregistered(t *testing.T) {
	t.Parallel()
	for name, commits := range map[string][][]string{
		"down first":               {{"n/s/a " + down}, {"n/s/a"}},
		"down in the same commit":  {{"n/s/a " + down, "n/s/a"}},
		"draining":                 {{"n/s/a " + draining}, {"n/s/a"}},
		"drained by the operator":  {{`n/s/_status/a {"status":"draining"}`}, {"n/s/a"}},
		"drained with it":          {{`n/s/_status/a {"status":"draining"}`, "n/s/a"}},
		"drained right after it":   {{"n/s/a", `n/s/_status/a {"status":"draining"}`}},
		"drained while it stays":   {{"n/s/a"}, {`n/s/_status/a {"status":"down"}`}},
		"a value that is not read": {{"n/s/a {"}},
		"the same and gone":        {{"n/s/a", "n/s/a {"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runLastSets(t, 0, time.Minute, func(g *guarded) {
				g.change("n/s/a " + up)
				for _, c := range commits {
					g.change(c...)
				}
				g.serves(0)
				if !g.last.idle() {
					t.Errorf("remembered: %+v", g.last)
				}
			})
		})
	}
}

// TestLastSetUntilAnotherIsUp: an instance that is up takes the place of all that
// stay, whatever makes it so.
func TestLastSetUntilAnotherIsUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		commit   []string
		lastSets int
		want     string
	}{
		"another":                         {[]string{"n/s/e " + up}, 0, "n/s: c=1/draining d=1/down e=1/up"},
		"another that is not up":          {[]string{"n/s/e " + down}, 2, "n/s: a=1/up b=1/up c=1/draining d=1/down e=1/down"},
		"one of them":                     {[]string{"n/s/a " + up}, 0, "n/s: a=1/up c=1/draining d=1/down"},
		"one of them, down":               {[]string{"n/s/a " + down}, 1, "n/s: a=1/down b=1/up c=1/draining d=1/down"},
		"one that was draining":           {[]string{"n/s/c " + up}, 0, "n/s: c=1/up d=1/down"},
		"the operator's word":             {[]string{"n/s/_status/d"}, 0, "n/s: c=1/draining d=1/up"},
		"another that goes again":         {[]string{"n/s/e " + up, "n/s/e"}, 3, "n/s: a=1/up b=1/up c=1/draining d=1/down e=1/up"},
		"another, unregistered again":     {[]string{"n/s/e " + up, "n/s/e " + down, "n/s/e"}, 2, "n/s: a=1/up b=1/up c=1/draining d=1/down"},
		"an instance of another":          {[]string{"n/s2/e " + up}, 2, "n/s: a=1/up b=1/up c=1/draining d=1/down"},
		"a change of one that is not up":  {[]string{"n/s/c " + down}, 2, "n/s: a=1/up b=1/up c=1/down d=1/down"},
		"the end of one that is not up":   {[]string{"n/s/c"}, 2, "n/s: a=1/up b=1/up d=1/down"},
		"one of them drained":             {[]string{`n/s/_status/a {"status":"draining"}`}, 1, "n/s: b=1/up c=1/draining d=1/down"},
		"one of them drained, and back":   {[]string{`n/s/_status/a {"status":"draining"}`, "n/s/a " + up}, 1, "n/s: a=1/draining b=1/up c=1/draining d=1/down"},
		"an override that says it is up":  {[]string{`n/s/_status/a {"status":"up"}`}, 1, "n/s: b=1/up c=1/draining d=1/down"},
		"one of them deleted once more":   {[]string{"n/s/a"}, 2, "n/s: a=1/up b=1/up c=1/draining d=1/down"},
		"a policy that says nothing new":  {[]string{`n/s/_policy {"keep_last":60}`}, 2, `n/s: a=1/up b=1/up c=1/draining d=1/down {"keep_last":60}`},
		"a policy that says not to":       {[]string{`n/s/_policy {"keep_last":0}`}, 0, `n/s: c=1/draining d=1/down {"keep_last":0}`},
		"all of them not up, and up next": {[]string{"n/s/a " + down, "n/s/b " + up}, 0, "n/s: a=1/down b=1/up c=1/draining d=1/down"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runLastSets(t, 0, time.Minute, func(g *guarded) {
				g.change("n/s/a "+up, "n/s/b "+up, "n/s/c "+draining, "n/s/d "+up, `n/s/_status/d {"status":"down"}`)
				g.change("n/s/a", "n/s/b")
				g.serves(2, "n/s: a=1/up b=1/up c=1/draining d=1/down")
				g.change(tt.commit...)
				want := []string{tt.want}
				if name == "an instance of another" {
					want = append(want, "n/s2: e=1/up")
				}
				g.serves(tt.lastSets, want...)
				g.passed(time.Minute + guardTick)
				if g.LastSets() != 0 || !g.last.idle() {
					t.Errorf("remembered: %+v", g.last)
				}
			})
		})
	}
}

// TestLastSetPolicy: the policy of a service says for how long, else the default,
// and what it says now counts.
func TestLastSetPolicy(t *testing.T) {
	t.Parallel()
	runLastSets(t, 0, 0, func(g *guarded) {
		g.change("n/none/a "+up, "n/short/a "+up, `n/short/_policy {"keep_last":30}`, "n/long/a "+up, `n/long/_policy {"keep_last":600}`)
		g.change("n/none/a", "n/short/a", "n/long/a")
		g.serves(2, `n/long: a=1/up {"keep_last":600}`, `n/short: a=1/up {"keep_last":30}`)
		if g.lastSets != 2 {
			t.Errorf("told of %d services, want 2", g.lastSets)
		}
		g.passed(30*time.Second + guardTick)
		g.serves(1, `n/long: a=1/up {"keep_last":600}`)
		g.change(`n/long/_policy {"keep_last":60}`) // from now on
		g.passed(30 * time.Second)
		g.change(`n/long/_policy {"keep_last":86400}`) // what began ends when it was to
		g.passed(30*time.Second + guardTick)
		g.serves(0)
		g.change("n/long/a "+up, "n/short/a "+up)
		g.change("n/long/a", "n/short/a")
		g.serves(2, `n/long: a=1/up {"keep_last":86400}`, `n/short: a=1/up {"keep_last":30}`)
		g.change("n/long/_policy", `n/short/_policy {"ttl":1}`)
		g.serves(0)
	})
	runLastSets(t, 0, time.Hour, func(g *guarded) {
		g.change("n/off/a "+up, `n/off/_policy {"keep_last":0}`, "n/on/a "+up, `n/on/_policy {"keep_last":0}`)
		g.change("n/off/a", "n/on/a", "n/on/_policy") // the policy goes with it: the default
		g.serves(1, "n/on: a=1/up")
		g.change(`n/on/_policy {"alias":"n/off"}`)
		g.passed(time.Hour + guardTick)
		g.serves(0, `n/on: {"alias":"n/off"}`)
	})
}

// TestLastSetMinUp: what stays is up, so that others answer only if there have to be
// more.
func TestLastSetMinUp(t *testing.T) {
	t.Parallel()
	for minUp, want := range map[int][]string{0: {"a"}, 1: {"a"}, 2: {"a", "b"}} {
		runLastSets(t, 0, time.Minute, func(g *guarded) {
			g.change("n/s/a "+up, "n/s/b "+draining, fmt.Sprintf(`n/s/_policy {"min_up":%d}`, minUp))
			g.change("n/s/a")
			answering := func() (ids []string) {
				for _, in := range g.store.Load().Service("n", "s").Select(catalog.Selector{}) {
					ids = append(ids, in.ID)
				}
				return ids
			}
			if got := answering(); !slices.Equal(got, want) {
				t.Errorf("min_up %d: %q answer, want %q", minUp, got, want)
			}
			g.passed(time.Minute + guardTick)
			if got := answering(); len(got) != min(minUp, 1) {
				t.Errorf("min_up %d: %q answer after the time", minUp, got)
			}
		})
	}
}

// TestLastSetAndMass: the time of a mass comes first, then that of the last of each
// service; and what a mass brings back is no last set.
func TestLastSetAndMass(t *testing.T) {
	t.Parallel()
	runLastSets(t, 30, time.Minute, func(g *guarded) {
		for i := range guardedInstances {
			g.put(i, "")
		}
		g.expire(0, guardedInstances)
		g.want(100, 100)
		g.passed(10*time.Minute + guardTick)
		g.want(100, 0)
		if n := g.LastSets(); n != 100 {
			t.Errorf("%d stay after the mass, want all", n)
		}
		g.put(5, "") // of the service of ten
		g.want(91, 0)
		g.passed(time.Minute + guardTick)
		g.want(1, 0)
		g.passed(time.Hour)
		if len(g.expired) != 0 || g.unserved != 0 || !g.last.idle() {
			t.Errorf("remembered: %d expired, unserved %d, %+v", len(g.expired), g.unserved, g.last)
		}
	})
	runLastSets(t, 30, time.Minute, func(g *guarded) {
		for i := range guardedInstances {
			g.put(i, "")
		}
		g.change("m/one/a " + up)
		g.change("m/one/a")
		g.passed(guardHold + guardTick) // it may be part of a mass until now
		if n := g.LastSets(); n != 1 {
			t.Errorf("%d stay, want the last of its service", n)
		}
		g.expire(0, 60)
		g.want(101, 61)
		if n := g.LastSets(); n != 0 {
			t.Errorf("%d stay as the last of a service, want the mass to have it", n)
		}
		g.passed(10*time.Minute + guardTick)
		if n := g.LastSets(); n != 1 {
			t.Errorf("%d stay after the mass", n)
		}
		g.passed(time.Minute + guardTick)
		g.want(40, 0)
	})
}

// again starts the guard anew from its snapshot.
func (g *guarded) again() {
	g.restart()
	if err := check(g.store.Load()); err != nil {
		g.t.Error(err)
	}
}

// TestLastSetAcrossRestarts: the time has one end, however often the server starts
// anew from its snapshot; while etcd is away they stay.
func TestLastSetAcrossRestarts(t *testing.T) {
	t.Parallel()
	runLastSets(t, 0, time.Minute, func(g *guarded) {
		g.change("n/s/a "+up, "n/s/b "+up, "n/t/a "+up, "n/t/b "+draining, "n/u/a "+up)
		g.change("n/s/a", "n/s/b", "n/t/a", "n/u/a")
		all := []string{"n/s: a=1/up b=1/up", "n/t: a=1/up b=1/draining", "n/u: a=1/up"}
		g.serves(4, all...)
		g.passed(20 * time.Second)
		g.again()
		g.serves(4, all...)
		g.commit(mirror.CauseList, "n/s/a", "n/s/b", "n/t/a", "n/u/a "+up)
		g.serves(3, all...)
		if g.lastSets != 3 {
			t.Errorf("told of %d services, want 3: the same are no news", g.lastSets)
		}
		g.again()
		g.passed(39 * time.Second)
		g.commit(mirror.CauseList, "n/s/a", "n/s/b", "n/t/a")
		g.serves(3, all...)
		g.passed(2 * time.Second)
		g.serves(0, "n/t: b=1/draining", "n/u: a=1/up")
	})
	runLastSets(t, 0, time.Minute, func(g *guarded) {
		g.change("n/s/a "+up, "n/s/b "+up, "n/t/a "+up)
		g.change("n/s/a", "n/s/b", "n/t/a")
		g.again()
		g.passed(time.Hour)
		g.serves(3, "n/s: a=1/up b=1/up", "n/t: a=1/up") // etcd is away
		g.commit(mirror.CauseList, "n/s/a", "n/s/b "+up, "n/t/a")
		g.serves(0, "n/s: b=1/up")
	})
	runLastSets(t, 0, time.Hour, func(g *guarded) {
		g.change("n/s/a "+up, "n/t/a "+up, `n/t/_policy {"keep_last":0}`)
		g.Restore([]snapshot.Entry{
			markEntry("n/s/a", lastSetComponent, time.Now().Add(24*time.Hour)), // of another configuration, or clock
			markEntry("n/t/a", lastSetComponent, time.Now().Add(time.Minute)),
			markEntry("n/none/a", lastSetComponent, time.Now().Add(time.Minute)),
		})
		g.change("n/s/a", "n/t/a")
		g.serves(1, "n/s: a=1/up")
		g.passed(time.Hour + guardTick)
		g.serves(0)
	})
}

// TestLastSetInSnapshot: who doesn't know its entries ignores them, and no mirror
// hears of them.
func TestLastSetInSnapshot(t *testing.T) {
	t.Parallel()
	runLastSets(t, 0, time.Minute, func(g *guarded) {
		g.change("n/s/a "+up, "n/s/b "+up, `n/s/_policy {"keep_last":30}`)
		g.change("n/s/a", "n/s/b")
		_, entries := snapshotOf(g.Guard)
		if len(entries) != 5 {
			t.Fatalf("%d entries, want the policy, two instances and until when each of those stays", len(entries))
		}
		s, sk := newStore(t)
		for _, e := range entries {
			apply(s, batch(restored(e)))
		}
		if s.Load().Instances() != 2 || len(sk.lines()) > 0 {
			t.Errorf("%d instances; logged %q", s.Load().Instances(), sk.lines())
		}
		var marks []snapshot.Entry
		for ev := range Restored(withoutErrors(entries), &marks) {
			if strings.Contains(ev.Key, "_keep_last") {
				t.Errorf("a mirror is told of %q", ev.Key)
			}
		}
		if len(marks) != 2 {
			t.Errorf("%d entries for a guard, want 2", len(marks))
		}
	})
}

// TestLastSetIsLinear: what it costs that the instances of a large service expire at
// once, and come back one by one, draining at first, is in proportion to them.
func TestLastSetIsLinear(t *testing.T) {
	isLinear(t, func(n int) time.Duration {
		s, _ := newStore(t)
		g := NewGuard(s, GuardConfig{KeepLast: time.Hour})
		all, gone := commit{Revision: 1}, commit{Revision: 2}
		for i := range n {
			all.Events = append(all.Events, put(1, fmt.Sprintf("n/s/i%06d", i), up))
			gone.Events = append(gone.Events, del(2, fmt.Sprintf("n/s/i%06d", i)))
		}
		apply(g, all)
		return cpuTime(t, func() {
			apply(g, gone)
			for i := range n - 1 {
				apply(g, batch(put(int64(3+i), fmt.Sprintf("n/s/i%06d", i), draining)))
			}
			if got := g.LastSets(); got != 1 {
				t.Errorf("%d of last sets, want 1", got)
			}
		})
	})
}

// TestLastSetModel applies random commits, and compares what is served with what the
// rules say.
func TestLastSetModel(t *testing.T) {
	t.Parallel()
	first := rand.Uint64()
	for i := range uint64(10) {
		seed := first + i
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			runLastSets(t, 0, 20*time.Second, func(g *guarded) { g.runModel(rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

// runModel makes commits in which each key of an instance or override occurs once.
func (g *guarded) runModel(rng *rand.Rand) {
	m := model{}
	gone := map[string]time.Time{} // until when what is not in etcd is served, by key
	last := map[string]mirror.Event{}
	for step := range 400 {
		st := g.Stage()
		var deleted []string
		for _, i := range rng.Perm(6)[:rng.IntN(5)] {
			g.revision++
			service, id := fmt.Sprintf("n/s%d", i/3), fmt.Sprintf("i%d", i%3)
			key, v := service+"/"+id, []string{up, up, draining, "{"}[rng.IntN(4)]
			ev := put(g.revision, key, v)
			switch rng.IntN(7) {
			case 0:
				ev = put(g.revision, service+"/_status/"+id, `{"status":"down"}`)
			case 1:
				ev = del(g.revision, service+"/_status/"+id)
			case 2:
				ev = put(g.revision, service+"/_policy", []string{`{"keep_last":5}`, `{"keep_last":0}`, `{"ttl":1}`}[rng.IntN(3)])
			case 3, 4, 5:
				if ev = del(g.revision, key); m.isUp(key) {
					deleted, last[key] = append(deleted, key), m[key]
				}
			}
			stageAll(st, []mirror.Event{ev})
			m.apply([]mirror.Event{ev})
		}
		st.Commit(mirror.Commit{Revision: g.revision})
		m.lastSets(gone, last, deleted)
		served := maps.Clone(m)
		for key := range gone {
			served[key] = last[key]
		}
		if got, want := withoutRevisions(show(g.store.Load())), served.show(); !slices.Equal(got, want) || g.LastSets() != len(gone) {
			g.t.Fatalf("step %d: served\n%s\n%d as last sets, want\n%s\n%d", step, strings.Join(got, "\n"), g.LastSets(), strings.Join(want, "\n"), len(gone))
		}
		for _, err := range []error{check(g.store.Load()), checkIndexes(g.store.Load())} {
			if err != nil {
				g.t.Fatalf("step %d: %v", step, err)
			}
		}
		if rng.IntN(4) == 0 {
			g.passed(time.Duration(rng.IntN(10)) * time.Second)
			for overdue(gone) { // it goes with the next tick
				g.passed(guardTick)
			}
			maps.DeleteFunc(gone, func(_ string, until time.Time) bool { return !until.After(time.Now()) })
		}
	}
}

// overdue reports whether the time of anything has been over for no longer than a
// tick.
func overdue(gone map[string]time.Time) bool {
	for _, until := range gone {
		if ago := time.Since(until); ago >= 0 && ago <= guardTick {
			return true
		}
	}
	return false
}

// isUp reports whether an instance is there and up.
func (m model) isUp(key string) bool {
	alone := model{}
	for _, k := range []string{key, overrideKey(key)} {
		if ev, ok := m[k]; ok {
			alone[k] = ev
		}
	}
	lines := alone.show()
	return len(lines) == 1 && strings.HasSuffix(lines[0], "/up")
}

func overrideKey(key string) string {
	i := strings.LastIndexByte(key, '/')
	return key[:i] + "/_status" + key[i:]
}

// lastSets makes gone what is to be served of what is not in etcd, after a commit
// that deleted instances that were up.
func (m model) lastSets(gone map[string]time.Time, last map[string]mirror.Event, deleted []string) {
	begun := time.Now()
	for _, key := range deleted {
		gone[key] = begun.Add(24 * time.Hour) // shortened below
	}
	for key, until := range gone {
		service := key[:strings.LastIndexByte(key, '/')]
		keep := policyOf(service, m[service+"/_policy"].Value).KeepFor(20 * time.Second)
		if latest := begun.Add(keep); until.After(latest) {
			gone[key] = latest
		}
		_, isBack := m[key]
		then := maps.Clone(m)
		then[key] = last[key]
		overridden := !then.isUp(key)
		another := false
		for other := range m {
			another = another || strings.HasPrefix(other, service+"/") && !strings.Contains(other, "/_") && m.isUp(other)
		}
		if keep == 0 || isBack || overridden || another {
			delete(gone, key)
		}
	}
}
