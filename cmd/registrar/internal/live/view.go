package live

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/feed"
	"github.com/rosterdns/roster/cmd/registrar/internal/table"
	"github.com/rosterdns/roster/cmd/registrar/internal/terminal"
	"github.com/rosterdns/roster/registrar"
)

// markTime is how long a change stays marked: long enough to be seen by who looks at the
// screen now and then, and short enough to tell one change from the next.
const markTime = 5 * time.Second

// View shows the instances of a service as they are, and marks those that changed in the
// last five seconds. It isn't safe for concurrent use.
type View struct {
	// Name is what was asked for.
	Name string
	// Columns are those of the table.
	Columns Columns
	Style   terminal.Style

	state   feed.Service
	marks   map[string]mark
	changed time.Time // of the set, or since it is shown
	seen    bool      // that is a change
	stale   time.Time // since
}

// Columns are the columns of a table of instances.
type Columns struct {
	Header []string
	Row    func(*registrar.Instance) []string
	Paint  table.Paint
}

// mark is a change that is marked.
type mark struct {
	Change
	until time.Time
}

// Observe takes in a new state.
func (v *View) Observe(st feed.Service, now time.Time) {
	first := v.state.Value == nil
	if st.Err == nil {
		v.stale = time.Time{}
	} else if v.stale.IsZero() {
		v.stale = now
	}
	changes := Changes(Instances(v.state.Value), Instances(st.Value))
	v.state = st
	if first {
		v.marks, v.changed = map[string]mark{}, now
		return
	}
	for _, c := range changes {
		v.marks[c.Instance.ID] = mark{c, now.Add(markTime)}
		v.changed, v.seen = now, true
	}
}

// Lines returns what a screen of a size shows.
func (v *View) Lines(now time.Time, width, height int) []string {
	lines := []string{v.summary(now)}
	if !v.stale.IsZero() {
		lines = append(lines, v.Style.Warning(fmt.Sprintf("STALE for %s: %v", Age(now.Sub(v.stale)), v.state.Err)))
	}
	if v.state.Value != nil {
		lines = append(append(lines, ""), v.table(now)...)
	}
	if len(lines) > height {
		more := len(lines) - height + 1
		lines = append(lines[:max(height-1, 0)], fmt.Sprintf("… %d more", more))
	}
	for i, line := range lines {
		lines[i] = terminal.Cut(line, width)
	}
	return lines
}

// summary is the status line.
func (v *View) summary(now time.Time) string {
	s := v.state.Value
	if s == nil {
		return v.Name + ": waiting for etcd"
	}
	up := 0
	for i := range s.Instances {
		if s.Instances[i].Up() {
			up++
		}
	}
	age, last := Age(now.Sub(v.changed)), "no change for %s"
	if v.seen {
		last = "last change %s ago"
	}
	return fmt.Sprintf("%s: %d of %d up, revision %d, "+last, v.Name, up, len(s.Instances), s.Revision, age)
}

// markWidth is that of "+ ", which stands before a row.
const markWidth = 2

var markSigns = [...]string{Added: "+ ", Changed: "~ ", Removed: "- "}

func (v *View) table(now time.Time) []string {
	instances := slices.Clone(v.state.Value.Instances)
	for id, m := range v.marks {
		if !now.Before(m.until) {
			delete(v.marks, id)
		} else if m.Kind == Removed {
			instances = append(instances, *m.Instance)
		}
	}
	slices.SortFunc(instances, func(a, b registrar.Instance) int { return strings.Compare(a.ID, b.ID) })
	rows := [][]string{v.Columns.Header}
	for i := range instances {
		rows = append(rows, v.Columns.Row(&instances[i]))
	}
	layout := table.Layout(nil).Fit(rows...)
	lines := []string{strings.Repeat(" ", markWidth) + layout.Line(rows[0], nil)}
	for i := range instances {
		line := layout.Line(rows[i+1], v.Columns.Paint)
		if m, ok := v.marks[instances[i].ID]; ok {
			line = v.Style.Bold(markSigns[m.Kind]) + line
		} else {
			line = strings.Repeat(" ", markWidth) + line
		}
		lines = append(lines, line)
	}
	return lines
}

// Age returns a duration as people say it: with its greatest unit alone.
func Age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(d, 0)/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < day:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return fmt.Sprintf("%dd", d/day)
	}
}
