package writer

import (
	"log/slog"
	"sync"
)

// monitor is a mutex whose holder can tell others of a change, and can log: both
// happen when the mutex is free again.
type monitor struct {
	log *slog.Logger
	// wake has a token when there is something to do for the reconciler.
	wake chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, with each change
	stirred bool
	notes   []func(log *slog.Logger)
	// before and after, if set, are called around each release of the mutex.
	before, after func()
}

func newMonitor(log *slog.Logger) monitor {
	return monitor{log: log, wake: make(chan struct{}, 1), changed: make(chan struct{})}
}

func (m *monitor) lock() { m.mu.Lock() }

// unlock tells of what has changed, and logs what was noted.
func (m *monitor) unlock() {
	if m.before != nil {
		m.before()
		defer m.after()
	}
	notes := m.notes
	m.notes = nil
	if m.stirred {
		m.stirred = false
		close(m.changed)
		m.changed = make(chan struct{})
	}
	m.mu.Unlock()
	for _, write := range notes {
		write(m.log)
	}
}

// with calls fn with the mutex held.
func (m *monitor) with(fn func()) {
	m.lock()
	defer m.unlock()
	fn()
}

// nudge wakes the reconciler.
func (m *monitor) nudge() {
	select {
	case m.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// note has a line of log written once the mutex is free.
func (m *monitor) note(write func(log *slog.Logger)) { m.notes = append(m.notes, write) }
