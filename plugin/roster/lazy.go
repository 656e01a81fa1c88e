package roster

import (
	"sync"
	"sync/atomic"
)

// lazy is a value that is made at its first use.
type lazy[T any] struct {
	made atomic.Pointer[T]
	mu   sync.Mutex
}

// get returns the value, which build makes if it isn't yet. Who asks with each query
// looks at made before, since a function that is passed on takes memory.
func (l *lazy[T]) get(build func() T) *T {
	if v := l.made.Load(); v != nil {
		return v
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if v := l.made.Load(); v != nil {
		return v
	}
	v := build()
	l.made.Store(&v)
	return &v
}
