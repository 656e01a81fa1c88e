package member

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

const mib = 1 << 20

// fakeAlarms is an etcd as the guard sees it.
type fakeAlarms struct {
	own, other, quota, hungry, cluster bool

	err   error // of alarm
	calls int   // of alarm
}

func (f *fakeAlarms) nospace() (some, own bool) { return f.own || f.other, f.own }
func (f *fakeAlarms) overQuota() bool           { return f.quota }
func (f *fakeAlarms) starved() bool             { return f.hungry }
func (f *fakeAlarms) alone() bool               { return !f.cluster }

func (f *fakeAlarms) alarm(_ context.Context, raise bool) error {
	f.calls++
	if f.err == nil {
		f.own = raise
	}
	return f.err
}

// newTestGuard guards a disk, and collects what it reports.
func newTestGuard(disk *fakeDisk) (*guard, *reported) {
	out := &reported{}
	return &guard{dir: "/data", space: disk.space, to: newReporter(out)}, out
}

// reported is what a reporter has written.
type reported struct{ bytes.Buffer }

func (r *reported) events(t *testing.T) (events []Event) {
	t.Helper()
	for line := range strings.Lines(r.String()) {
		var event Event
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	return events
}

// lines are what is for the log.
func (r *reported) lines(t *testing.T) (lines []string) {
	t.Helper()
	for _, event := range r.events(t) {
		if event.Kind == Info || event.Kind == Warning || event.Kind == Error {
			lines = append(lines, string(event.Kind)+" "+event.Text)
		}
	}
	return lines
}

// fakeDisk is a file system of 1 GiB, with a reserve of 64 MiB.
type fakeDisk struct {
	mu   sync.Mutex
	free uint64
	err  error
}

func (d *fakeDisk) space(string) (free, size uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.free, 1024 * mib, d.err
}

func (d *fakeDisk) set(free uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free, d.err = free, err
}

func TestReserve(t *testing.T) {
	t.Parallel()
	for size, want := range map[uint64]uint64{
		8 * mib:          4 * mib,
		256 * mib:        16 * mib,
		1024 * mib:       64 * mib,
		100 * 1024 * mib: 2 * maxSegmentBytes,
	} {
		if got := reserveOf(size); got != want {
			t.Errorf("of %d MiB: %d, want %d", size/mib, got, want)
		}
	}
}

// TestGuard goes through the steps of a disk, and looks after each at the alarm and at what a client gets.
func TestGuard(t *testing.T) {
	t.Parallel()
	etcd, disk := &fakeAlarms{}, &fakeDisk{}
	g, _ := newTestGuard(disk)
	for _, step := range []struct {
		what         string
		free         uint64
		alarm, admit bool
	}{
		{"space enough", 500 * mib, false, true},
		{"the reserve exactly", 64 * mib, false, true},
		{"below the reserve", 64*mib - 1, true, false},
		{"hovering above it", 70 * mib, true, false},
		{"well above it", 80 * mib, false, true},
		{"too little for an alarm", alarmBytes - 1, false, false},
		{"enough for an alarm", alarmBytes, true, false},
		{"space again", 500 * mib, false, true},
	} {
		disk.set(step.free, nil)
		g.check(t.Context(), etcd)
		if etcd.own != step.alarm || (g.admit() == nil) != step.admit {
			t.Errorf("%s: alarm %v, want %v; admit says %v", step.what, etcd.own, step.alarm, g.admit())
		}
	}
	disk.set(mib, nil)
	if err := g.admit(); !errors.Is(err, rpctypes.ErrGRPCNoSpace) {
		t.Errorf("full between two checks: %v", err)
	}
	disk.set(500*mib, nil)
	if err := g.admit(); err == nil {
		t.Error("admits before a check")
	}
	if g.check(t.Context(), etcd); g.admit() != nil {
		t.Error("refuses after a check")
	}
}

func TestGuardLeavesOthersAlarms(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		etcd  fakeAlarms
		free  uint64
		calls int
	}{
		"raised by an earlier process": {fakeAlarms{own: true}, 500 * mib, 1},
		"raised for the quota":         {fakeAlarms{own: true, quota: true}, 500 * mib, 0},
		"another member's":             {fakeAlarms{other: true}, 500 * mib, 0},
		"a cluster goes on":            {fakeAlarms{cluster: true}, mib, 0},
		"no next file of the log":      {fakeAlarms{hungry: true}, 500 * mib, 1},
	} {
		disk := &fakeDisk{free: test.free}
		g, _ := newTestGuard(disk)
		g.check(t.Context(), &test.etcd)
		g.check(t.Context(), &test.etcd)
		if test.etcd.calls != test.calls {
			t.Errorf("%s: %d calls, want %d", name, test.etcd.calls, test.calls)
		}
		if refuses := g.admit() != nil; refuses != test.etcd.hungry {
			t.Errorf("%s: refuses %v", name, refuses)
		}
	}
}

func TestGuardTriesAgain(t *testing.T) {
	t.Parallel()
	etcd, disk := &fakeAlarms{err: errors.New("no leader")}, &fakeDisk{free: 2 * mib}
	g, _ := newTestGuard(disk)
	g.check(t.Context(), etcd)
	etcd.err = nil
	if g.check(t.Context(), etcd); !etcd.own {
		t.Error("not raised")
	}
	disk.set(500*mib, nil)
	etcd.err = errors.New("no leader")
	g.check(t.Context(), etcd)
	etcd.err = nil
	if g.check(t.Context(), etcd); etcd.own {
		t.Error("not disarmed")
	}
}

// TestGuardDisarmsLateAlarm has an alarm appear after the call to raise it has failed: etcd goes on with a request whose
// caller waits no more.
func TestGuardDisarmsLateAlarm(t *testing.T) {
	t.Parallel()
	etcd, disk := &fakeAlarms{err: errors.New("timed out")}, &fakeDisk{free: 2 * mib}
	g, _ := newTestGuard(disk)
	if g.check(t.Context(), etcd); etcd.calls != 1 {
		t.Errorf("short of space: %d calls", etcd.calls)
	}
	etcd.err, etcd.own = nil, true
	g.check(t.Context(), etcd)
	disk.set(500*mib, nil)
	if g.check(t.Context(), etcd); etcd.own {
		t.Error("not disarmed")
	}
}

// TestGuardDisarmsOverQuota raises the alarm for the disk while the database fills its quota, too: it is the guard's own.
func TestGuardDisarmsOverQuota(t *testing.T) {
	t.Parallel()
	etcd, disk := &fakeAlarms{quota: true}, &fakeDisk{free: 2 * mib}
	g, _ := newTestGuard(disk)
	g.check(t.Context(), etcd)
	if g.check(t.Context(), etcd); !etcd.own {
		t.Fatal("not raised")
	}
	disk.set(500*mib, nil)
	if g.check(t.Context(), etcd); etcd.own {
		t.Error("not disarmed")
	}
}

func TestGuardLogsOnce(t *testing.T) {
	t.Parallel()
	etcd, disk, stale := &fakeAlarms{}, &fakeDisk{}, errors.New("stale handle")
	g, out := newTestGuard(disk)
	for _, step := range []struct {
		free uint64
		err  error
	}{{err: stale}, {free: 500 * mib}, {free: 3 * mib}, {free: 500 * mib}} {
		disk.set(step.free, step.err)
		g.check(t.Context(), etcd)
		g.check(t.Context(), etcd)
	}
	want := []string{"stale handle", `"/data" is nearly full (3.0 MiB free, reserve 64 MiB)`, `"/data" has space again (500 MiB free)`}
	lines := out.lines(t)
	if len(lines) != len(want) {
		t.Fatalf("got %q", lines)
	}
	for i := range want {
		if !strings.Contains(lines[i], want[i]) {
			t.Errorf("line %d is %s, want %s in it", i+1, lines[i], want[i])
		}
	}
}

// TestGuardLeavesJoinedAlone has members join, and leave, while the disk is short.
func TestGuardLeavesJoinedAlone(t *testing.T) {
	t.Parallel()
	etcd, disk := &fakeAlarms{}, &fakeDisk{free: 2 * mib}
	g, out := newTestGuard(disk)
	for _, cluster := range []bool{false, true, false} {
		etcd.cluster = cluster
		g.check(t.Context(), etcd)
		if g.check(t.Context(), etcd); etcd.own == cluster || (g.admit() == nil) != cluster {
			t.Errorf("in a cluster %v: alarm %v, admit says %v", cluster, etcd.own, g.admit())
		}
	}
	text := strings.Join(out.lines(t), "\n")
	for message, want := range map[string]int{"refuses new registrations": 2, "this member of the cluster fails": 1} {
		if got := strings.Count(text, message); got != want {
			t.Errorf("%q %d times, want %d, in\n%s", message, got, want, text)
		}
	}
}

// TestGuardAwaitsRoom waits for space before a start, says so once, and reports what there is meanwhile.
func TestGuardAwaitsRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &fakeDisk{}
		g, out := newTestGuard(disk)
		done := make(chan error, 1)
		go func() { done <- g.awaitRoom(t.Context()) }()
		elapse(time.Minute)
		if len(done) > 0 {
			t.Error("no space, and it goes on")
		}
		disk.set(500*mib, nil)
		elapse(checkEvery)
		if err := <-done; err != nil {
			t.Error(err)
		}
		lines := out.lines(t)
		if len(lines) != 1 || !strings.Contains(lines[0], "waits for disk space (0 B free") {
			t.Errorf("logged %q", lines)
		}
		events := out.events(t)
		last := events[len(events)-1]
		if last.Kind != Disk || last.Free != 500*mib || last.Reserve != 64*mib {
			t.Errorf("reported %+v", last)
		}
	})
}

// TestGuardAwaitsRoomOrStop is told to stop while there is no space.
func TestGuardAwaitsRoomOrStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, _ := newTestGuard(&fakeDisk{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := g.awaitRoom(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// TestGuardReplacesStarved has an etcd replaced that would fail later, once there is space.
func TestGuardReplacesStarved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		etcd, disk := &fakeAlarms{hungry: true}, &fakeDisk{free: 81 * mib}
		g, _ := newTestGuard(disk)
		replace := make(chan bool, 1)
		go func() { replace <- g.watch(t.Context(), etcd) }()
		elapse(time.Minute)
		if len(replace) > 0 || !etcd.own {
			t.Errorf("without space for a file: replaced %v, alarm %v", len(replace) > 0, etcd.own)
		}
		disk.set(96*mib, nil) // reserve and a file
		elapse(checkEvery)
		if len(replace) == 0 || !<-replace {
			t.Error("not replaced")
		}
	})
}

// elapse lets time pass, and then all that is due by then.
func elapse(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
