package mirror

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// firstProbe is when the first probe starts if a watch is silent from the start:
// the first tick more than one and a half progressEvery after the last word.
const firstProbe = 2 * progressEvery

// TestSilentWatch is a watch that says nothing, as behind a proxy that forwards
// no progress: it is live, and left alone, for as long as probes show that it
// has missed nothing.
func TestSilentWatch(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.put("/r/n/s/a", "1")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.rec.take()
		f.set(func() { f.deaf = true })
		g.at(firstProbe - 1)
		if f.look().probes != 0 {
			t.Errorf("%d probes before %v", f.look().probes, firstProbe)
		}
		g.at(firstProbe)
		if f.look().probes != 1 {
			t.Errorf("%d probes at %v, want 1", f.look().probes, firstProbe)
		}
		if got := g.Mirror.Status().Contact.Sub(g.rec.start); got != firstProbe {
			t.Errorf("contact at %v, want that of the probe at %v", got, firstProbe)
		}
		g.at(time.Minute)
		g.wantFailed()
		f.put("/r/n/s/elsewhere", "1") // the probes see that something is missing
		g.passed(watchSilence)
		g.wantFailed(ReasonSilent)
		if err := g.Mirror.Status().Err; !errors.Is(err, errSilent) {
			t.Errorf("error %v, want %v", err, errSilent)
		}
		f.set(func() { f.deaf = false })
		g.passed(relist)
		g.wantListed(ReasonStart, ReasonSilent)
		g.wantApplied("+n/s/elsewhere")
		g.wantEqual()
	})
}

// TestSilentWatchThatMisses is a silent watch with changes that it should have
// shown: probes see that, so that they are no contact.
func TestSilentWatchThatMisses(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() { f.deaf = true })
		f.put("/r/n/s/a", "2")
		g.at(FreshFor - 1)
		g.wantState(Live)
		g.at(FreshFor)
		g.wantState(Stale)
		if f.look().probes == 0 {
			t.Error("no probe")
		}
		g.at(watchSilence + relist)
		g.wantState(Live)
		g.wantEqual()
	})
}

// TestSilentWatchOfBusyEtcd is a silent watch while others write outside the
// prefix: as live as one of an idle etcd, and audited.
func TestSilentWatchOfBusyEtcd(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() { f.deaf = true })
		f.put("/r/n/s/a-while", "1") // the keys are as they were
		f.delete("/r/n/s/a-while")
		const elsewhere = auditEvery + time.Minute
		for time.Since(g.rec.start) < elsewhere {
			f.put("/elsewhere", "1")
			if time.Since(g.rec.start) == time.Minute {
				f.compact() // what the watch has shown last
			}
			g.passed(time.Second)
		}
		g.wantStates("live@0s")
		g.wantListed(ReasonStart)
		g.wantFailed()
		g.wantAudited(0)
		if n, most := f.look().counts, int(elsewhere/(2*progressEvery)); n > most {
			t.Errorf("%d censuses in %v, want %d at most", n, elsewhere, most)
		}
	})
}

// TestSilentWatchOfBusyEtcdThatMisses has changes among those elsewhere that the
// watch should have shown.
func TestSilentWatchOfBusyEtcdThatMisses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fakeEtcd){
		"new":      func(f *fakeEtcd) { f.put("/r/n/s/c", "1") },
		"changed":  func(f *fakeEtcd) { f.put("/r/n/s/a", "2") },
		"deleted":  func(f *fakeEtcd) { f.delete("/r/n/s/a") },
		"replaced": func(f *fakeEtcd) { f.delete("/r/n/s/a"); f.put("/r/n/s/c", "1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, func(f *fakeEtcd) {
				f.put("/r/n/s/a", "1")
				f.put("/r/n/s/b", "1")
			}, func(t *testing.T, f *fakeEtcd, g *rig) {
				f.set(func() { f.deaf = true })
				for second := range 60 {
					f.put("/elsewhere", "1")
					if second == 50 {
						change(f)
					}
					g.passed(time.Second)
				}
				g.wantListed(ReasonStart, ReasonSilent)
				g.wantEqual()
			})
		})
	}
}

// TestRestoredBehindSilentWatch is an etcd that others write to and that goes
// back behind a silent watch, to where the mirror's prefix has changed last.
func TestRestoredBehindSilentWatch(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) { f.put("/r/n/s/b", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		restore := f.backup()
		f.put("/r/n/s/a", "lost")
		f.set(func() { f.deaf = true })
		for range 30 {
			f.put("/elsewhere", "1")
			g.passed(time.Second)
		}
		g.wantListed(ReasonStart)
		restore()
		f.put("/r/n/s/a", "new") // at the revision of the one that was lost
		for range 10 {
			f.put("/elsewhere", "1") // beyond what the watch has shown
		}
		g.passed(2*progressEvery + relist)
		g.wantListed(ReasonStart, ReasonRegressed)
		g.wantEqual()
	})
}

// TestRestoredOutOfSight is an etcd that goes back behind a silent watch and is
// beyond what the mirror knows before the next probe, with a key of before: no
// revision and no count shows it. That etcd was away calls for an audit.
func TestRestoredOutOfSight(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		restore := f.backup()
		f.put("/r/n/s/a", "2")
		g.passed(time.Second)
		f.set(func() { f.deaf = true })
		write := func(d time.Duration) {
			for range d / time.Second {
				f.put("/elsewhere", "1")
				g.passed(time.Second)
			}
		}
		write(30 * time.Second)
		f.set(func() { f.down = true })
		g.passed(progressEvery)
		restore() // a is "1" again
		for range 100 {
			f.put("/elsewhere", "1")
		}
		f.set(func() { f.down = false })
		write(10 * time.Second)
		g.wantFailed(ReasonAudit)
		g.wantEqual()
		write(auditEvery / 2) // once is enough
		if n := len(f.look().audits); n != 1 {
			t.Errorf("%d audits, want one after etcd was away", n)
		}
	})
}

// TestOneProbeFails: one that fails by itself makes no mirror stale, however it
// fails.
func TestOneProbeFails(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*fakeEtcd) (repair func()){
		"refused": func(f *fakeEtcd) func() {
			f.set(func() { f.down = true })
			return func() { f.set(func() { f.down = false }) }
		},
		"no answer": func(f *fakeEtcd) func() {
			f.set(func() { f.slow = time.Hour })
			return func() { f.set(func() { f.slow = 0 }) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
				f.set(func() { f.deaf = true })
				const tenth = 100 * time.Millisecond
				write := func(until time.Duration) {
					for time.Since(g.rec.start) < until {
						f.put("/elsewhere", "1")
						g.passed(tenth)
					}
				}
				write(6*progressEvery - tenth) // the next probe counts
				repair := fail(f)
				write(6*progressEvery + 2*tenth)
				repair()
				write(15 * progressEvery)
				g.wantStates("live@0s")
				g.wantFailed()
			})
		})
	}
}

// TestProbesThatFail are repeated once, then wait for their tick.
func TestProbesThatFail(t *testing.T) {
	t.Parallel()
	scenario(t, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() { f.deaf, f.down = true, true })
		g.at(watchSilence - 1)
		if got, want := f.look().probes, 1+int((watchSilence-firstProbe)/progressEvery); got != want {
			t.Errorf("%d probes, want %d", got, want)
		}
	})
}

// TestSlowProbe has a probe whose answer arrives when the watch has gone on: it
// shows a lower revision than the mirror's, but etcd's did not move backward.
func TestSlowProbe(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() { f.deaf, f.slow = true, time.Second })
		g.at(firstProbe + time.Second/2)
		f.hear()
		f.put("/r/n/s/a", "2")
		synctest.Wait()
		contact := g.Mirror.Status().Contact
		g.at(firstProbe + time.Second)
		if f.look().probing > 0 || f.look().probes != 1 {
			t.Fatalf("%d probes, %d under way, want 1 that has ended", f.look().probes, f.look().probing)
		}
		if got := g.Mirror.Status().Contact; !got.Equal(contact) {
			t.Errorf("an old answer counts as contact at %v", got)
		}
		g.at(time.Minute)
		g.wantFailed()
		g.wantListed(ReasonStart)
		g.wantEqual()
	})
}

// TestProbesDoNotPileUp has probes that hang: one at a time, each for
// probeTimeout at most.
func TestProbesDoNotPileUp(t *testing.T) {
	t.Parallel()
	scenario(t, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		release := f.hang()
		defer release()
		for at := firstProbe; at < watchSilence; at += time.Second / 4 {
			g.at(at + time.Millisecond)
			if f.look().probing > 1 {
				t.Fatalf("%d probes at once at %v", f.look().probing, at)
			}
		}
		if f.look().probes < 2 {
			t.Errorf("%d probes, want a new one once the first had its time", f.look().probes)
		}
		g.at(watchSilence)
		if f.look().probing != 0 {
			t.Errorf("%d probes after their watch was given up", f.look().probing)
		}
	})
}

// TestRunWaitsForProbes: the goroutine of a probe belongs to Run.
func TestRunWaitsForProbes(t *testing.T) {
	t.Parallel()
	scenario(t, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() { f.deaf, f.slow, f.linger = true, time.Hour, time.Second })
		g.at(firstProbe + time.Millisecond)
		if f.look().probing != 1 {
			t.Fatal("no probe under way")
		}
		g.stop()
		if f.look().probing != 0 {
			t.Error("Run has returned before its probe")
		}
	})
}

// TestFailedProbeSaysNothing: the lack of contact shows by itself.
func TestFailedProbeSaysNothing(t *testing.T) {
	t.Parallel()
	scenario(t, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() { f.deaf, f.down = true, true })
		g.at(firstProbe)
		g.wantFailed()
		g.at(FreshFor)
		g.wantStates("live@0s", "stale@"+FreshFor.String())
		g.at(watchSilence)
		g.wantFailed(ReasonSilent)
	})
}

// TestProgressRequestsThatBlock don't keep the watch from being read for long.
func TestProgressRequestsThatBlock(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.onProgress = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.at(progressEvery)
		f.put("/r/n/s/a", "1")
		g.at(progressEvery + progressEvery/4)
		g.wantEqual()
	})
}
