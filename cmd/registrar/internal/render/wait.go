package render

import (
	"fmt"
	"strings"
	"time"
)

// Wait says how long changes are gathered before a file is written: until there was none
// for Min, but at most for Max after the first.
type Wait struct{ Min, Max time.Duration }

// DefaultWait makes one change of a restart's many, and is well below the TTL of answers
// by DNS.
var DefaultWait = Wait{Min: 500 * time.Millisecond, Max: 2 * time.Second}

// maxOfMin is Max in units of Min where only that is given, as in consul-template.
const maxOfMin = 4

// ParseWait parses "MIN" or "MIN:MAX".
func ParseWait(text string) (Wait, error) {
	first, last, given := strings.Cut(text, ":")
	shortest, err := time.ParseDuration(first)
	if err != nil {
		return Wait{}, err
	}
	w := Wait{shortest, maxOfMin * shortest}
	if given {
		if w.Max, err = time.ParseDuration(last); err != nil {
			return Wait{}, err
		}
	}
	if w.Min < 0 || w.Max < w.Min {
		return Wait{}, fmt.Errorf("%q: MIN must not be negative, nor MAX less than MIN", text)
	}
	return w, nil
}

// String returns the wait as ParseWait takes it.
func (w Wait) String() string { return fmt.Sprintf("%v:%v", w.Min, w.Max) }

// gathering are changes that are waited for.
type gathering struct {
	Wait
	first time.Time // zero while there is none
	timer *time.Timer
}

// changed takes in a change.
func (g *gathering) changed() {
	now := time.Now()
	if g.first.IsZero() {
		g.first = now
	}
	g.timer.Reset(max(0, min(g.Min, g.Max-now.Sub(g.first))))
}

// done ends the gathering, also of changes that are in what was just looked at.
func (g *gathering) done() {
	g.first = time.Time{}
	g.timer.Stop()
}
