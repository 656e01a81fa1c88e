package services

import (
	"testing"
	"time"
)

// TestSerialOfGuard: the end of a mass expiry and of a last set, which has no revision,
// raises the serial, and it never goes back: not with the revisions that follow, nor
// after a restart or a reload.
func TestSerialOfGuard(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(t *testing.T, then func(*guarded)){
		"keep_last": func(t *testing.T, then func(*guarded)) {
			t.Helper()
			runLastSets(t, 0, time.Minute, func(g *guarded) {
				g.change("n/s/a "+up, "n/t/a "+up)
				g.change("n/s/a")
				g.serves(1, "n/s: a=1/up", "n/t: a=1/up")
				g.rises(1, func() { g.passed(time.Minute + guardTick) })
				g.serves(0, "n/t: a=1/up")
				then(g)
			})
		},
		"protect": func(t *testing.T, then func(*guarded)) {
			t.Helper()
			runGuarded(t, 30, func(g *guarded) {
				g.expire(0, 60)
				g.want(100, 60)
				g.rises(1, func() { g.passed(g.cfg.ProtectFor + guardTick) })
				g.want(40, 0)
				then(g)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, func(g *guarded) {
				was := g.store.Load()
				restored := restoredFrom(t, was)
				reloaded, _ := newStore(t)
				reloaded.Continue(was)
				for range 3 {
					g.revision++
					ev := touch(g.revision)
					g.rises(1, func() { apply(g, batch(ev)) })
					for how, s := range map[string]*Store{"restored": restored, "reloaded": reloaded} {
						before := s.Load().FullSerial()
						if before < was.FullSerial() {
							t.Errorf("%s: serial %d, was %d", how, before, was.FullSerial())
						}
						if apply(s, batch(ev)); s.Load().FullSerial() <= before {
							t.Errorf("%s: serial %d after %d", how, s.Load().FullSerial(), before)
						}
					}
				}
				g.revision += 10 // elsewhere in etcd: other servers have it too
				if apply(g, commit{Revision: g.revision}); g.store.Load().FullSerial() != g.revision {
					t.Errorf("serial %d at revision %d", g.store.Load().FullSerial(), g.revision)
				}
			})
		})
	}
}

// rises checks by how much the serial rises.
func (g *guarded) rises(want int64, during func()) {
	g.t.Helper()
	before := g.store.Load().FullSerial()
	during()
	if got := g.store.Load().FullSerial() - before; got != want {
		g.t.Errorf("the serial rises by %d, want %d", got, want)
	}
}
