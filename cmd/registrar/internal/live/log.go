package live

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// Log writes what happens to the instances of a service as lines of text, for people
// whose output isn't a terminal. It isn't safe for concurrent use.
type Log struct {
	Out     io.Writer
	Columns Columns

	instances []registrar.Instance
}

// Write writes what is new in a set.
func (l *Log) Write(s *registrar.Service, now time.Time) error {
	changes := Changes(l.instances, s.Instances)
	l.instances = s.Instances
	for _, c := range changes {
		_, err := fmt.Fprintf(l.Out, "%s %s %s%s\n", now.UTC().Format(time.RFC3339), c.Kind, c.Instance.ID, l.details(c))
		if err != nil {
			return err
		}
	}
	return nil
}

// details says what an instance is, or what has changed.
func (l *Log) details(c Change) string {
	if c.Kind == Removed {
		return ""
	}
	var details []string
	var before []string
	if c.Kind == Changed {
		before = l.Columns.Row(c.Before)
	}
	for i, cell := range l.Columns.Row(c.Instance) {
		name := strings.ToLower(l.Columns.Header[i])
		switch {
		case i == 0: // the ID
		case c.Kind == Added && plain(name):
			details = append(details, orNone(cell))
		case c.Kind == Added && cell != "":
			details = append(details, name+" "+cell)
		case c.Kind == Changed && cell != before[i]:
			details = append(details, fmt.Sprintf("%s %s to %s", name, orNone(before[i]), orNone(cell)))
		}
	}
	return ": " + strings.Join(details, ", ")
}

// plain reports whether values of a column are known without its name.
func plain(column string) bool { return column == "address" || column == "ports" || column == "status" }

func orNone(cell string) string {
	if cell == "" {
		return "none"
	}
	return cell
}
