package balance

import (
	"slices"
	"sort"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// target is an instance to pick, and how often.
type target struct {
	*endpoint
	instance *registrar.Instance
	addr     string
	locality string // empty where localities don't count
	weight   float64
	relative float64 // weight as compared with the average of its locality
	share    float64 // of the tier's requests
	// The targets of its locality are those of the tier from first up to end.
	first, end int
}

// tier is the instances that are as good by priority and health, those of a locality
// side by side. It doesn't change.
type tier struct {
	targets []target
	// ends has for each target the sum of the shares up to and with it.
	ends []float64
}

// choice is one question to a tier: at random, or by load.
type choice struct {
	random func() float64 // in [0,1)
	policy Policy
	now    time.Duration
}

// pick picks one of all targets.
func (t *tier) pick(c choice) *target {
	chosen := t.draw(c.random())
	if c.policy != LeastLoaded {
		return chosen
	}
	other := t.other(chosen, c.random())
	// A heavy target is compared with a light one in that part of cases only in which
	// the light one is compared with it, as Metropolis' algorithm has it. So where each
	// of two wins as often as the other the weights hold, and whatever the loads none gets
	// more than twice its share.
	if other.weight < chosen.weight && c.random() >= other.weight/chosen.weight {
		return chosen
	}
	return c.better(chosen, other)
}

// draw returns one of the targets by share.
func (t *tier) draw(random float64) *target {
	last := len(t.ends) - 1
	x := random * t.ends[last]
	i := sort.Search(last, func(i int) bool { return t.ends[i] > x })
	return &t.targets[i]
}

// other returns another target of the same locality, each with the same probability; the
// target itself where it is the only one. How much each locality gets is settled.
func (t *tier) other(than *target, random float64) *target {
	zone := t.targets[than.first:than.end]
	if len(zone) == 1 {
		return than
	}
	other := &zone[int(random*float64(len(zone)-1))]
	if other == than {
		return &zone[len(zone)-1]
	}
	return other
}

// pickExcept picks one of the targets that are not excluded; nil if there is none.
func (t *tier) pickExcept(c choice, exclude []string) *target {
	chosen := t.drawExcept(exclude, c.random())
	if chosen == nil || c.policy != LeastLoaded {
		return chosen
	}
	return c.better(chosen, t.drawExcept(exclude, c.random()))
}

// drawExcept returns one of the targets that are not excluded by share; by weight where
// those that are left have none, being of other localities.
func (t *tier) drawExcept(exclude []string, random float64) *target {
	if chosen := t.drawBy(exclude, random, func(t *target) float64 { return t.share }); chosen != nil {
		return chosen
	}
	return t.drawBy(exclude, random, func(t *target) float64 { return t.weight })
}

func (t *tier) drawBy(exclude []string, random float64, part func(*target) float64) (chosen *target) {
	total := 0.0
	for i := range t.targets {
		if !slices.Contains(exclude, t.targets[i].instance.ID) {
			total += part(&t.targets[i])
		}
	}
	x := random * total
	for i := range t.targets {
		if p := part(&t.targets[i]); p > 0 && !slices.Contains(exclude, t.targets[i].instance.ID) {
			chosen = &t.targets[i]
			if x -= p; x < 0 {
				break
			}
		}
	}
	return chosen
}

// better returns the one with less load; the first of two with the same. Where the
// latency of one is unknown the requests in flight decide.
func (c choice) better(a, b *target) *target {
	var loadA, loadB float64
	if a.measured() && b.measured() {
		loadA, loadB = a.load(c.now, a.relative), b.load(c.now, b.relative)
	} else {
		loadA, loadB = a.requests(a.relative), b.requests(b.relative)
	}
	if loadB < loadA {
		return b
	}
	return a
}
