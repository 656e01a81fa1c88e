package health_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBroken = errors.New("broken")

// script is a probe whose results a text gives: '+' a success, '-' a failure. After the
// last one it ends the run.
type script struct {
	results string
	end     context.CancelFunc
	at      []time.Time
}

func (s *script) Probe(context.Context) error {
	n := len(s.at)
	s.at = append(s.at, time.Now())
	if n == len(s.results)-1 {
		defer s.end()
	}
	if n < len(s.results) && s.results[n] == '+' {
		return nil
	}
	return errBroken
}

// play runs a checker over results, and returns what it reports, with the number of the
// probe that it follows.
func play(t *testing.T, c health.Checker, results string) (reports []string, s *script) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	// The last result is one too many: it ends the run before it counts.
	s = &script{results: results + "x", end: end}
	c.Probe = s
	c.Run(ctx, func(r health.Result) {
		if r.Up() != (r.Err == nil) {
			t.Errorf("%+v", r)
		}
		reports = append(reports, fmt.Sprintf("%d:%s", len(s.at), r.Status))
	})
	return reports, s
}

func TestRiseAndFall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rise, fall int
		initial    catalog.Status
		results    string
		want       string
	}{
		{0, 0, "", "+", "1:up"},
		{0, 0, "", "--", ""},
		{0, 0, "", "---", "3:down"},
		{0, 0, "", "--+---", "3:up 6:down"},
		{0, 0, "", "+--+--+---+", "1:up 10:down 11:up"},
		{2, 1, "", "+-+-++", "2:down 6:up"},
		{3, 3, "", "++-++-+++", "9:up"},
		{2, 2, catalog.StatusUp, "++--++", "4:down 6:up"},
		{2, 2, catalog.StatusUp, "-+-+-+", ""},
		{1, 1, catalog.StatusDown, "---+", "4:up"},
		{1, 3, catalog.StatusUp, "---", "3:down"},
	} {
		synctest.Test(t, func(t *testing.T) {
			got, _ := play(t, health.Checker{Rise: c.rise, Fall: c.fall, Initial: c.initial}, c.results)
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("%+v: got %q", c, got)
			}
		})
	}
}

// TestPauses shows the interval with its jitter, and the haste before the first success.
func TestPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const interval = 10 * time.Second
		_, s := play(t, health.Checker{Interval: interval}, strings.Repeat("-", 12)+strings.Repeat("+", 40)+"----")
		var starting, started []time.Duration
		for i := range len(s.at) - 1 {
			if d := s.at[i+1].Sub(s.at[i]); i < 12 {
				starting = append(starting, d)
			} else {
				started = append(started, d)
			}
		}
		limit := 100 * time.Millisecond
		for i, d := range starting {
			if d > limit || d < limit/2 {
				t.Errorf("pause %d before the first success is %v, want up to %v", i, d, limit)
			}
			limit = min(2*limit, interval)
		}
		for i, d := range started {
			if d < 9*time.Second || d > 11*time.Second {
				t.Errorf("pause %d is %v, want %v give or take a tenth", i, d, interval)
			}
		}
		if slices.Max(started)-slices.Min(started) < 100*time.Millisecond {
			t.Error("pauses have no jitter")
		}
	})
}

// TestNoHasteWhenUp shows that what is taken for up is not found down within a moment.
func TestNoHasteWhenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		got, _ := play(t, health.Checker{Interval: 10 * time.Second, Initial: catalog.StatusUp}, "---")
		if took := time.Since(start); took < 27*time.Second || len(got) != 1 {
			t.Errorf("%q after %v", got, took)
		}
	})
}

// TestNoOverlap shows that a probe that doesn't heed its time-out delays the next one.
func TestNoOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		running, probes := false, 0
		c := health.Checker{Interval: time.Second, Timeout: time.Second, Fall: 1, Probe: health.ProbeFunc(func(ctx context.Context) error {
			if running {
				t.Error("two probes at once")
			}
			running = true
			time.Sleep(time.Minute) // synctest's clock
			running = false
			if probes++; probes == 3 {
				end()
			}
			return ctx.Err()
		})}
		var errs []error
		c.Run(ctx, func(r health.Result) { errs = append(errs, r.Err) })
		if len(errs) != 1 || !errors.Is(errs[0], context.DeadlineExceeded) || !strings.HasPrefix(errs[0].Error(), "no result within 1s: ") {
			t.Errorf("reported %v", errs)
		}
	})
}

// TestEndDuringProbe shows that a probe which failed because the checker ends says nothing.
func TestEndDuringProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		c := health.Checker{Fall: 1, Probe: health.ProbeFunc(func(ctx context.Context) error {
			end()
			<-ctx.Done()
			return ctx.Err()
		})}
		c.Run(ctx, func(r health.Result) { t.Errorf("reported %+v", r) })
	})
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		h := health.NewHeartbeat(5 * time.Second)
		var got []string
		start, done := time.Now(), make(chan struct{})
		go func() {
			defer close(done)
			h.Run(ctx, func(r health.Result) {
				got = append(got, fmt.Sprintf("%v:%s %v", time.Since(start), r.Status, r.Err))
			})
		}()
		pause := func(d time.Duration) { time.Sleep(d); synctest.Wait() } // synctest's clock
		pause(6 * time.Second)
		for range 3 {
			h.Beat()
			h.Beat()
			pause(4 * time.Second)
		}
		pause(20 * time.Second)
		h.Beat()
		pause(time.Second)
		end()
		<-done
		want := []string{"5s:down no heartbeat for 5s", "6s:up <nil>", "19s:down no heartbeat for 5s", "38s:up <nil>"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
