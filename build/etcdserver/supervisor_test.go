package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

// fakeServer is an etcd that fails and stops as it is told.
type fakeServer struct {
	ready, gone chan struct{}
	why         error
	stopped     bool
}

// newFakeServer returns one that serves.
func newFakeServer() *fakeServer {
	f := &fakeServer{ready: make(chan struct{}), gone: make(chan struct{})}
	close(f.ready)
	return f
}

func (f *fakeServer) fail(reason error) *fakeServer {
	f.why = reason
	close(f.gone)
	return f
}

func (f *fakeServer) serving() <-chan struct{} { return f.ready }
func (f *fakeServer) ended() <-chan struct{}   { return f.gone }
func (f *fakeServer) reason() error            { return f.why }
func (f *fakeServer) stop()                    { f.stopped = true }

var errOnFire = errors.New("disk on fire")

// starts is a source of etcds: the results of the starts one after the other, the last one without end.
type starts struct {
	results []any // *fakeServer or error
	at      []time.Time
}

func (s *starts) start(context.Context) (server, error) {
	result := s.results[min(len(s.at), len(s.results)-1)]
	s.at = append(s.at, time.Now())
	if err, ok := result.(error); ok {
		return nil, err
	}
	return result.(*fakeServer), nil
}

func newTestSupervisor(results ...any) (*supervisor, *starts) {
	source := &starts{results: results}
	s := newSupervisor(member.Config{DataDir: "/data"})
	s.start = source.start
	return s, source
}

// inBubble runs a test in a bubble of synctest, with what was logged.
func inBubble(t *testing.T, test func(t *testing.T, out *logLines)) {
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
	inBubble(t, func(t *testing.T, out *logLines) {
		first, second := newFakeServer(), newFakeServer()
		denied := errors.New("input/output error")
		s, source := newTestSupervisor(denied, denied, denied, second)
		before := testutil.ToFloat64(restarts)
		s.begin(first)
		defer s.stop()
		elapse(time.Minute)
		if testutil.ToFloat64(up) != 1 {
			t.Error("not up")
		}
		first.fail(errOnFire)
		failed := time.Now()
		synctest.Wait()
		if testutil.ToFloat64(up) != 0 {
			t.Error("up after the fault")
		}
		elapse(time.Minute)
		if len(source.at) != 4 || testutil.ToFloat64(restarts)-before != 4 || testutil.ToFloat64(up) != 1 {
			t.Errorf("%d starts, counted %v, up %v", len(source.at), testutil.ToFloat64(restarts)-before, testutil.ToFloat64(up))
		}
		for i := 1; i < len(source.at); i++ {
			pause, limit := source.at[i].Sub(source.at[i-1]), restartBase<<i
			if pause < limit/2 || pause > limit {
				t.Errorf("pause %d is %v, want %v to %v", i, pause, limit/2, limit)
			}
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		want := []string{
			"failed: disk on fire", "is still down (restart attempts: 1): input/output error",
			fmt.Sprintf("serves again after %v (restart attempts: 4)", source.at[3].Sub(failed).Round(time.Second)),
		}
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
	inBubble(t, func(t *testing.T, out *logLines) {
		first := newFakeServer()
		broken := newFakeServer()
		broken.fail(errOnFire)
		s, source := newTestSupervisor(broken)
		s.begin(first)
		defer s.stop()
		first.fail(errOnFire)
		elapse(time.Hour)
		if n := len(source.at); n < 100 || n > 260 {
			t.Errorf("%d starts in an hour, want one in %v to %v", n, restartLimit/2, restartLimit)
		}
		if got := strings.Count(out.String(), "\n"); got != 1 {
			t.Errorf("logged\n%s", out)
		}
	})
}

// TestSupervisorLeavesRemoved leaves an etcd alone that was removed from its cluster.
func TestSupervisorLeavesRemoved(t *testing.T) {
	inBubble(t, func(t *testing.T, out *logLines) {
		first := newFakeServer()
		s, source := newTestSupervisor(newFakeServer())
		s.begin(first)
		elapse(time.Minute)
		first.fail(errRemoved)
		elapse(time.Hour)
		if len(source.at) != 0 || testutil.ToFloat64(up) != 0 || strings.Count(out.String(), "has stopped by itself") != 1 {
			t.Errorf("%d starts, up %v, logged\n%s", len(source.at), testutil.ToFloat64(up), out)
		}
		s.stop()
	})
}

// TestSupervisorStopsAnyTime stops it while etcd serves, and between two tries to start it.
func TestSupervisorStopsAnyTime(t *testing.T) {
	for name, fails := range map[string]bool{"serving": false, "between tries": true} {
		inBubble(t, func(t *testing.T, _ *logLines) {
			first := newFakeServer()
			s, source := newTestSupervisor(errors.New("input/output error"))
			s.begin(first)
			if fails {
				first.fail(errOnFire)
			}
			elapse(time.Minute)
			began, tries := time.Now(), len(source.at)
			s.stop()
			if time.Since(began) != 0 || first.stopped == fails {
				t.Errorf("%s: the stop took %v, stopped %v", name, time.Since(began), first.stopped)
			}
			if elapse(time.Hour); len(source.at) != tries {
				t.Errorf("%s: started again after the stop", name)
			}
		})
	}
}
