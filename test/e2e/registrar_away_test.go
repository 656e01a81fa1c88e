package e2e_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/harness"
)

// TestCommandsWhileEtcdIsAway takes etcd away in each way: commands that return
// end with the exit code for that, and one line that says what is wrong; the one
// that stays tells of the loss once.
func TestCommandsWhileEtcdIsAway(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		members         int
		leave, comeBack func(*testing.T, *harness.Etcd)
	}{
		"killed": {
			1,
			func(t *testing.T, e *harness.Etcd) { t.Helper(); e.Kill(t) },
			func(t *testing.T, e *harness.Etcd) { t.Helper(); e.Restart(t) },
		},
		"paused": {
			1,
			func(t *testing.T, e *harness.Etcd) { t.Helper(); e.Pause(t) },
			func(t *testing.T, e *harness.Etcd) { t.Helper(); e.Continue(t) },
		},
		"without a quorum": {
			3,
			func(t *testing.T, e *harness.Etcd) { t.Helper(); e.Members[0].Kill(t); e.Members[1].Kill(t) },
			func(t *testing.T, e *harness.Etcd) {
				t.Helper()
				e.Members[0].Start(t)
				e.Members[1].Start(t)
				e.WaitServing(t)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := harness.StartEtcd(t, harness.EtcdOptions{Members: test.members})
			h := hold(t, e)
			leaving := h.register(t, "leaving")
			leaving.WaitOutput(t, harness.Patience, "registered default/orders/leaving", 1)
			test.leave(t, e)
			h.WaitOutput(t, harness.Patience, "lost contact with etcd", 1)

			var commands sync.WaitGroup
			for _, args := range [][]string{
				{"get", "orders"},
				{"list"},
				{"unregister", "orders", "a"},
				{"register", "orders", "--static", "--id", "b", "--address", "127.0.0.2", "--port", "http:8080"},
			} {
				p := harness.Registrar(t, append(append(args, "--timeout", "3s"), h.flags...)...)
				commands.Go(func() { <-p.Done() })
				t.Cleanup(func() { h.endedAway(t, p) })
			}
			commands.Wait()
			start := time.Now()
			if code := leaving.Stop(t); code != 4 {
				t.Errorf("TERM: exit code %d, want 4", code)
			}
			harness.Within(t, "ending after TERM", time.Since(start), closeBound)
			last := leaving.Output()[strings.LastIndex(strings.TrimSpace(leaving.Output()), "\n")+1:]
			if !strings.Contains(last, "unregistering default/orders/leaving") || !strings.Contains(last, "unavailable") {
				t.Errorf("TERM: its last line is %q", last)
			}

			elapse(t, time.Now(), 2*lease)
			test.comeBack(t, e)
			h.WaitOutput(t, harness.Patience, "regained contact with etcd", 1)
			harness.Eventually(t, expiryBound+harness.Patience, "a back, and the other gone with its lease", func() error {
				if a, b := h.key(t, "a"), h.key(t, "leaving"); a == "0 keys" || b != "0 keys" {
					return fmt.Errorf("a: %s, leaving: %s", a, b)
				}
				return nil
			})
			h.contactTold(t)
			if n := strings.Count(h.Output(), "lost contact"); n != 1 {
				t.Errorf("%d losses of contact are told, want 1:\n%s", n, h.Output())
			}
		})
	}
}

// endedAway checks how a command has ended that found etcd away.
func (h *held) endedAway(t *testing.T, p *harness.Process) {
	t.Helper()
	if code := p.Wait(t, harness.Patience); code != 4 {
		t.Errorf("%s: exit code %d, want 4", p, code)
	}
	if n := strings.Count(p.Output(), "\n"); n != 1 || p.Stdout() != "" || !strings.Contains(p.Output(), "etcd") {
		t.Errorf("%s: want one line on stderr that names etcd, wrote:\n%s", p, p.Output())
	}
}

// TestClientsLeaveNoGoroutines opens clients by the dozen, breaks etcd in each
// way, and closes them. It is not parallel: it counts the process's goroutines.
func TestClientsLeaveNoGoroutines(t *testing.T) {
	const clients = 20 // of each way
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	before := runtime.NumGoroutine()
	for _, way := range []struct {
		name            string
		breaks, repairs func()
	}{
		{"killed", func() { e.Kill(t) }, func() { e.Restart(t) }},
		{"paused", func() { e.Pause(t) }, func() { e.Continue(t) }},
		{"empty", func() { e.Kill(t); e.Wipe(t); e.Restart(t) }, func() {}},
		{"restarted", func() { e.Stop(t); e.Restart(t) }, func() {}},
		{"well", func() {}, func() {}},
	} {
		var open []*registrar.Client
		for i := range clients {
			c := openClient(t, registrar.WithEndpoints(e.Endpoints...), registrar.WithLeaseTTL(lease))
			open = append(open, c)
			for _, static := range []bool{false, true} {
				if err := c.Register(t.Context(), desired(fmt.Sprintf("i%d-%v", i, static), static)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := c.GetService(t.Context(), "orders"); err != nil {
				t.Fatal(err)
			}
		}
		way.breaks()
		for i, c := range open {
			if err := c.Unregister(t.Context(), desired(fmt.Sprintf("i%d-false", i), false)); err != nil {
				t.Error(err)
			}
		}
		var closing sync.WaitGroup
		for _, c := range open {
			closing.Go(func() { _ = c.Close() }) // tells of etcd, which is away
		}
		closing.Wait()
		way.repairs()
		took := harness.Eventually(t, harness.Patience, "as many goroutines as before, etcd "+way.name, func() error {
			if now := runtime.NumGoroutine(); now > before {
				return fmt.Errorf("%d goroutines, before: %d", now, before)
			}
			return nil
		})
		t.Logf("%s: %d clients left nothing behind (%v)", way.name, clients, took)
	}
}
