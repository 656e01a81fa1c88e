package services

import "time"

// When a Guard acts.
const (
	// guardWindow is within what time instances have to expire to be a mass.
	guardWindow = time.Minute
	// guardLeast is how many have to expire at least.
	guardLeast = 10
	// guardHold is for how long an instance that expires stays in any case, so
	// that those which expire first in a mass needn't flicker: etcd revokes some
	// 1,000 leases a second, so that it is the time in which 5,000 expire.
	guardHold = 5 * time.Second
	// guardAlarm is the part of a mass after which instances stay until it is
	// known whether it becomes one, at most for guardWindow.
	guardAlarm = 10
	// guardTick is how exact times are.
	guardTick = time.Second
)

// class says what the instances that expired within guardWindow are.
type class uint8

const (
	ordinary class = iota
	possibleMass
	mass
)

// classify returns what it is if so many of all instances expired within
// guardWindow, and a mass is more than percent of all.
func classify(expired, all, percent int) class {
	switch {
	case expired < guardLeast:
		return ordinary
	case expired*100 > percent*all:
		return mass
	case expired*guardAlarm*100 > percent*all:
		return possibleMass
	}
	return ordinary
}

// expiry is an instance that is gone from etcd without having been unregistered.
type expiry struct {
	key       string
	instance  *entry    // puts it back; nil if it was restored
	at        time.Time // when it expired, also before a restart
	until     time.Time // when it is removed
	served    bool      // the Store still has it
	protected bool      // as part of a mass
	returned  bool      // it is in etcd again
	counted   bool      // in the window
}

// window has what expired within guardWindow.
type window struct {
	recent  []*expiry // in order of time
	counted int       // of recent, those that have not returned
	// protected and held are how many of recent, from the first on, have been
	// dealt with as a mass and as a possible one, so that each is once.
	protected, held int
}

func (w *window) add(x *expiry) {
	x.counted = true
	w.counted++
	w.recent = append(w.recent, x)
}

func (w *window) uncount(x *expiry) {
	if x.counted {
		x.counted = false
		w.counted--
	}
}

// trim drops what expired before the window began.
func (w *window) trim(now time.Time) {
	n := 0
	for n < len(w.recent) && now.Sub(w.recent[n].at) > guardWindow {
		w.uncount(w.recent[n])
		n++
	}
	w.recent = w.recent[n:]
	w.protected, w.held = max(w.protected-n, 0), max(w.held-n, 0)
}

// precede puts in front what expired before a restart and was protected then.
// It is in order of time.
func (w *window) precede(before []*expiry) {
	w.recent = append(before, w.recent...)
	w.protected, w.held = w.protected+len(before), w.held+len(before)
}

// unprotected returns those that are part of a mass and not protected yet.
func (w *window) unprotected() []*expiry {
	var list []*expiry
	for _, x := range w.recent[w.protected:] {
		if !x.protected && !x.returned {
			list = append(list, x)
		}
	}
	w.protected = len(w.recent)
	return list
}

// hold has all that expired stay for guardWindow.
func (w *window) hold() {
	for _, x := range w.recent[w.held:] {
		if x.served && !x.protected {
			x.until = x.at.Add(guardWindow)
		}
	}
	w.held = len(w.recent)
}
