package etcdserver

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// fakeMember is an etcd that fails and stops as it is told.
type fakeMember struct {
	fakeAlarms
	isReady chan struct{}
	fault   *fault
	gone    chan struct{}
	stopErr error
	stopped bool
	spoke   bool
	lock    chan struct{} // nil: nospace returns at once, else when it is closed
	asked   atomic.Int32  // nospace
}

func newFakeMember() *fakeMember {
	m := &fakeMember{isReady: make(chan struct{}), fault: newFault(), gone: make(chan struct{})}
	close(m.isReady)
	return m
}

func (m *fakeMember) ready() <-chan struct{}  { return m.isReady }
func (m *fakeMember) failed() <-chan struct{} { return m.fault.done }
func (m *fakeMember) reason() error           { return m.fault.err() }
func (m *fakeMember) ended() <-chan struct{}  { return m.gone }
func (m *fakeMember) speak()                  { m.spoke = true }
func (m *fakeMember) stop() error             { m.stopped = true; return m.stopErr }

func (m *fakeMember) nospace() (some, own bool) {
	m.asked.Add(1)
	if m.lock != nil {
		<-m.lock
	}
	return m.fakeAlarms.nospace()
}

// starts is a source of etcds: the results of the starts one after the other, the last one for ever.
type starts struct {
	results []any // *fakeMember or error
	at      []time.Time
}

func (s *starts) start(context.Context) (member, error) {
	result := s.results[min(len(s.at), len(s.results)-1)]
	s.at = append(s.at, time.Now())
	if err, ok := result.(error); ok {
		return nil, err
	}
	return result.(*fakeMember), nil
}

func newTestSupervisor(disk *fakeDisk, results ...any) (*supervisor, *starts) {
	source := &starts{results: results}
	s := newSupervisor(config{dataDir: "/data"})
	s.start, s.guard.space = source.start, disk.space
	return s, source
}

// inBubble runs a test in a bubble of synctest, with what was logged.
func inBubble(t *testing.T, test func(t *testing.T, out *logged)) {
	t.Helper()
	out := captureLog(t)
	synctest.Test(t, func(t *testing.T) { test(t, out) })
}

// elapse lets time pass, and then all that is due by then.
func elapse(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestSupervisorRestarts(t *testing.T) {
	inBubble(t, func(t *testing.T, out *logged) {
		first, second := newFakeMember(), newFakeMember()
		denied := errors.New("input/output error")
		s, source := newTestSupervisor(&fakeDisk{free: 500 * mib}, denied, denied, denied, second)
		before := testutil.ToFloat64(restarts)
		s.begin(first)
		defer s.stop()
		elapse(time.Minute)
		if testutil.ToFloat64(up) != 1 {
			t.Error("not up")
		}
		first.fault.report("disk on fire")
		synctest.Wait()
		if !first.stopped || testutil.ToFloat64(up) != 0 {
			t.Errorf("after the fault: stopped %v, up %v", first.stopped, testutil.ToFloat64(up))
		}
		elapse(time.Minute)
		if len(source.at) != 4 || testutil.ToFloat64(restarts)-before != 4 || testutil.ToFloat64(up) != 1 || !second.spoke {
			t.Errorf("%d starts, counted %v, up %v, spoke %v", len(source.at), testutil.ToFloat64(restarts)-before,
				testutil.ToFloat64(up), second.spoke)
		}
		for i := 1; i < len(source.at); i++ {
			pause, limit := source.at[i].Sub(source.at[i-1]), restartBase<<i
			if pause < limit/2 || pause > limit {
				t.Errorf("pause %d is %v, want %v to %v", i, pause, limit/2, limit)
			}
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		want := []string{"has failed: disk on fire", "is still down (tries to start it: 1): input/output error", "serves again"}
		if len(lines) != len(want) {
			t.Fatalf("logged\n%s", out)
		}
		for i := range want {
			if !strings.Contains(lines[i], want[i]) {
				t.Errorf("logged %s, want %s", lines[i], want[i])
			}
		}
	})
}

// TestSupervisorBacksOff has each etcd fail soon after its start: that is one outage, with ever longer pauses.
func TestSupervisorBacksOff(t *testing.T) {
	inBubble(t, func(t *testing.T, out *logged) {
		first := newFakeMember()
		broken := newFakeMember()
		broken.fault.report("disk on fire")
		s, source := newTestSupervisor(&fakeDisk{free: 500 * mib}, broken)
		s.begin(first)
		defer s.stop()
		first.fault.report("disk on fire")
		elapse(time.Hour)
		if n := len(source.at); n < 100 || n > 260 {
			t.Errorf("%d starts in an hour, want one in %v to %v", n, restartLimit/2, restartLimit)
		}
		if got := strings.Count(out.String(), "\n"); got != 1 {
			t.Errorf("logged\n%s", out)
		}
	})
}

func TestSupervisorWaitsForSpace(t *testing.T) {
	inBubble(t, func(t *testing.T, out *logged) {
		first, second, disk := newFakeMember(), newFakeMember(), &fakeDisk{free: 500 * mib}
		s, source := newTestSupervisor(disk, second)
		s.begin(first)
		defer s.stop()
		elapse(100 * time.Millisecond)
		disk.set(0, nil)
		first.fault.report("no space left on device")
		elapse(time.Hour)
		if len(source.at) != 0 {
			t.Errorf("%d starts on a full disk", len(source.at))
		}
		disk.set(500*mib, nil)
		elapse(checkEvery)
		if len(source.at) != 1 {
			t.Errorf("%d starts once there is space", len(source.at))
		}
		elapse(settleTime)
		for _, want := range []string{"stays down until its disk has space (0 B free", "serves again"} {
			if strings.Count(out.String(), want) != 1 {
				t.Errorf("want %q once in\n%s", want, out)
			}
		}
	})
}

// TestSupervisorReplacesStarved replaces an etcd that would fail later, once there is space.
func TestSupervisorReplacesStarved(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *logged) {
		first, second, disk := newFakeMember(), newFakeMember(), &fakeDisk{free: 81 * mib}
		first.hungry = true
		s, source := newTestSupervisor(disk, second)
		s.begin(first)
		defer s.stop()
		elapse(time.Minute)
		if len(source.at) != 0 || !first.own {
			t.Errorf("without space for a file: %d starts, alarm %v", len(source.at), first.own)
		}
		disk.set(96*mib, nil) // reserve and a file
		elapse(time.Minute)
		if len(source.at) != 1 || !first.stopped || testutil.ToFloat64(up) != 1 {
			t.Errorf("%d starts, stopped %v, up %v", len(source.at), first.stopped, testutil.ToFloat64(up))
		}
	})
}

// TestSupervisorLeavesRemoved leaves an etcd alone that was removed from its cluster.
func TestSupervisorLeavesRemoved(t *testing.T) {
	inBubble(t, func(t *testing.T, out *logged) {
		first := newFakeMember()
		s, source := newTestSupervisor(&fakeDisk{free: 500 * mib}, newFakeMember())
		s.begin(first)
		elapse(time.Minute)
		close(first.gone)
		elapse(time.Hour)
		if len(source.at) != 0 || testutil.ToFloat64(up) != 0 || strings.Count(out.String(), "has stopped by itself") != 1 {
			t.Errorf("%d starts, up %v, logged\n%s", len(source.at), testutil.ToFloat64(up), out)
		}
		if s.stop(); !first.stopped {
			t.Error("not stopped")
		}
	})
}

// TestSupervisorGivesUp says so where an etcd can't be made to let go of its files.
func TestSupervisorGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, out *logged) {
		first := newFakeMember()
		first.stopErr = errors.ErrUnsupported
		s, source := newTestSupervisor(&fakeDisk{free: 500 * mib}, newFakeMember())
		s.begin(first)
		first.fault.report("disk on fire")
		elapse(time.Hour)
		if len(source.at) != 0 || testutil.ToFloat64(up) != 0 || !strings.Contains(out.String(), "stays down until the process is restarted") {
			t.Errorf("%d starts, up %v, logged\n%s", len(source.at), testutil.ToFloat64(up), out)
		}
		s.stop()
	})
}

// TestSupervisorStopsAnyTime stops it between two tries, and while it waits for space.
func TestSupervisorStopsAnyTime(t *testing.T) {
	for name, disk := range map[string]*fakeDisk{"between tries": {free: 500 * mib}, "without space": {}} {
		inBubble(t, func(t *testing.T, _ *logged) {
			first := newFakeMember()
			s, _ := newTestSupervisor(disk, errors.New("input/output error"))
			s.begin(first)
			first.fault.report("disk on fire")
			elapse(time.Minute)
			began := time.Now()
			if s.stop(); time.Since(began) != 0 {
				t.Errorf("%s: the stop took %v", name, time.Since(began))
			}
		})
	}
}

// TestSupervisorAsksOneAtATime has an etcd whose lock isn't free when the guard asks: it is not asked again before that
// has an answer, and goes on to be looked after.
func TestSupervisorAsksOneAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *logged) {
		first, disk := newFakeMember(), &fakeDisk{free: 2 * mib}
		first.lock = make(chan struct{})
		s, _ := newTestSupervisor(disk, newFakeMember())
		s.begin(first)
		defer s.stop()
		elapse(time.Minute)
		if n := first.asked.Load(); n != 1 || testutil.ToFloat64(up) != 1 || !first.spoke {
			t.Errorf("asked %d times, up %v, spoke %v", n, testutil.ToFloat64(up), first.spoke)
		}
		close(first.lock)
		elapse(3 * checkEvery)
		if n := first.asked.Load(); n < 3 || first.calls != 1 {
			t.Errorf("once it answers: asked %d times, %d calls", n, first.calls)
		}
	})
}

// TestSupervisorLeavesHungEtcd has an etcd fail, or be stopped, while it owes the guard an answer.
func TestSupervisorLeavesHungEtcd(t *testing.T) {
	for name, fails := range map[string]bool{"fails": true, "is stopped": false} {
		inBubble(t, func(t *testing.T, _ *logged) {
			first, second := newFakeMember(), newFakeMember()
			first.lock = make(chan struct{})
			defer close(first.lock)
			s, source := newTestSupervisor(&fakeDisk{free: 500 * mib}, second)
			s.begin(first)
			elapse(time.Minute)
			if fails {
				first.fault.report("disk on fire")
				elapse(time.Minute)
				if len(source.at) != 1 || testutil.ToFloat64(up) != 1 {
					t.Errorf("%s: %d starts, up %v", name, len(source.at), testutil.ToFloat64(up))
				}
			}
			began := time.Now()
			if s.stop(); time.Since(began) > leaveTimeout || !first.stopped {
				t.Errorf("%s: the stop took %v, stopped %v", name, time.Since(began), first.stopped)
			}
		})
	}
}

// TestSupervisorDoesNotWaitForDisk stops it while the file system doesn't answer, with etcd up and without.
func TestSupervisorDoesNotWaitForDisk(t *testing.T) {
	for name, fails := range map[string]bool{"down": true, "up": false} {
		inBubble(t, func(t *testing.T, _ *logged) {
			first, hung := newFakeMember(), make(chan struct{})
			defer close(hung)
			s, source := newTestSupervisor(nil, newFakeMember())
			s.guard.space = func(string) (uint64, uint64, error) {
				<-hung
				return 500 * mib, 1024 * mib, nil
			}
			s.begin(first)
			if fails {
				first.fault.report("disk on fire")
			}
			elapse(time.Minute)
			began := time.Now()
			if s.stop(); time.Since(began) > leaveTimeout || len(source.at) != 0 {
				t.Errorf("%s: the stop took %v, %d starts", name, time.Since(began), len(source.at))
			}
		})
	}
}
