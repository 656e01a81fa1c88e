package live_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/feed"
	"github.com/rosterdns/roster/cmd/registrar/internal/live"
	"github.com/rosterdns/roster/registrar"
)

var columns = live.Columns{
	Header: []string{"ID", "STATUS"},
	Row:    func(in *registrar.Instance) []string { return []string{in.ID, string(in.Status)} },
}

// shows checks what a view shows on a screen of 60 columns.
func shows(t *testing.T, v *live.View, now time.Time, height int, want ...string) {
	t.Helper()
	if got := v.Lines(now, 60, height); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("it shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func state(revision int64, instances string, err error) feed.Service {
	return feed.Service{Value: &registrar.Service{Namespace: "default", Name: "orders", Revision: revision, Instances: set(instances)}, Err: err}
}

func TestView(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	away := errors.New("no contact with etcd")
	v := &live.View{Name: "orders", Columns: columns}
	shows(t, v, now, 24, "orders: waiting for etcd")
	v.Observe(feed.Service{Err: away}, now)
	shows(t, v, now.Add(2*time.Second), 24, "orders: waiting for etcd", "STALE for 2s: no contact with etcd")

	v.Observe(state(7, "a c:draining d", nil), now)
	shows(t, v, now.Add(12*time.Second), 24,
		"orders: 2 of 3 up, revision 7, no change for 12s", "", "  ID  STATUS", "  a   up", "  c   draining", "  d   up")
	now = now.Add(time.Minute)
	v.Observe(state(9, "b c", nil), now)
	changed := []string{
		"orders: 2 of 2 up, revision 9, last change 4s ago", "", "  ID  STATUS", "- a   up", "+ b   up", "~ c   up", "- d   up",
	}
	shows(t, v, now.Add(4*time.Second), 24, changed...)
	shows(t, v, now.Add(4*time.Second), 7, changed...)
	shows(t, v, now.Add(4*time.Second), 5, append(append([]string{}, changed[:4]...), "… 3 more")...)
	shows(t, v, now.Add(5*time.Second), 24, "orders: 2 of 2 up, revision 9, last change 5s ago", "", "  ID  STATUS", "  b   up", "  c   up")

	now = now.Add(2 * time.Hour)
	v.Observe(state(9, "b c", away), now)
	v.Observe(state(9, "b c", away), now.Add(time.Minute))
	shows(t, v, now.Add(3*time.Minute), 4,
		"orders: 2 of 2 up, revision 9, last change 2h ago", "STALE for 3m: no contact with etcd", "", "… 3 more")
	v.Observe(state(9, "", nil), now)
	shows(t, v, now.Add(time.Minute), 24, "orders: 0 of 0 up, revision 9, last change 1m ago", "", "  ID  STATUS")
}

// TestViewOfOneThatComesBack: an instance has one row, whatever happened to it.
func TestViewOfOneThatComesBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	v := &live.View{Name: "orders", Columns: columns}
	for i, instances := range []string{"a", "", "a"} {
		v.Observe(state(int64(i), instances, nil), now)
	}
	shows(t, v, now, 24, "orders: 1 of 1 up, revision 2, last change 0s ago", "", "  ID  STATUS", "+ a   up")
}

func TestNarrowView(t *testing.T) {
	t.Parallel()
	v := &live.View{Name: "orders", Columns: columns}
	v.Observe(state(7, "a", nil), time.Time{})
	for _, line := range v.Lines(time.Time{}, 5, 24) {
		if len(line) > 5 {
			t.Errorf("a line is %q", line)
		}
	}
	if lines := v.Lines(time.Time{}, 80, 1); len(lines) != 1 {
		t.Errorf("one row shows %q", lines)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	l := live.Log{Out: &out, Columns: live.Columns{
		Header: []string{"ID", "STATUS", "TAGS"},
		Row: func(in *registrar.Instance) []string {
			return []string{in.ID, string(in.Status), strings.Join(in.Tags, ",")}
		},
	}}
	now := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	first := state(7, "a b", nil).Value
	first.Instances[0].Tags = []string{"y"}
	for _, s := range []*registrar.Service{first, state(8, "a:down c", nil).Value} {
		if err := l.Write(s, now); err != nil {
			t.Fatal(err)
		}
	}
	const want = `2026-11-30T08:00:00Z added a: up, tags y
2026-11-30T08:00:00Z added b: up
2026-11-30T08:00:00Z changed a: status up to down, tags y to none
2026-11-30T08:00:00Z removed b
2026-11-30T08:00:00Z added c: up
`
	if out.String() != want {
		t.Errorf("it wrote\n%swant\n%s", out.String(), want)
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 59 * time.Second: "59s", time.Minute: "1m", 59*time.Minute + 59*time.Second: "59m",
		time.Hour: "1h", 47 * time.Hour: "1d", 48 * time.Hour: "2d",
	} {
		if got := live.Age(d); got != want {
			t.Errorf("the age of %v is %s, want %s", d, got, want)
		}
	}
}
