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

// lazySet has values by keys, each made at its first use.
type lazySet[K comparable, T any] struct {
	mu sync.RWMutex
	by map[K]T
}

// get returns the value of a key, which build makes if it isn't yet, with the key to
// remember it by.
func (l *lazySet[K, T]) get(key K, build func() (K, T)) T {
	l.mu.RLock()
	v, ok := l.by[key]
	l.mu.RUnlock()
	if ok {
		return v
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if v, ok := l.by[key]; ok {
		return v
	}
	if l.by == nil {
		l.by = map[K]T{}
	}
	key, v = build()
	l.by[key] = v
	return v
}
