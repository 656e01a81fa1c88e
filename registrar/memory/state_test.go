package memory_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/memory"
)

var quiet = registrar.WithLogger(slog.New(slog.DiscardHandler))

func TestStates(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		state        memory.State
		read, unread error // of GetService for a service that was read before, and another
		accepted     bool  // writes
	}{
		"stale":       {memory.Stale, nil, registrar.ErrNotFound, true},
		"unavailable": {memory.Unavailable, nil, registrar.ErrUnavailable, false},
		"forbidding":  {memory.Forbidding, nil, registrar.ErrPermission, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if tt.state.String() != name {
					t.Errorf("its name is %q", tt.state)
				}
				store := memory.NewStore()
				c := open(t, memory.WithStore(store), quiet)
				if err := c.Register(t.Context(), orders); err != nil {
					t.Fatal(err)
				}
				get := func(name string, want error, stale bool) {
					t.Helper()
					start := time.Now()
					s, err := c.GetService(t.Context(), name)
					if !errors.Is(err, want) || err == nil && (len(s.Instances) != 1 || s.Stale != stale) || time.Since(start) > 0 {
						t.Errorf("GetService(%q): %+v, %v after %v", name, s, err, time.Since(start))
					}
				}
				get("orders", nil, false)
				store.SetState(tt.state)
				get("orders", tt.read, true)
				get("none", tt.unread, true)
				other := orders.Clone()
				other.Name = "others"
				if err := c.Register(t.Context(), other); err != nil {
					t.Errorf("Register: %v", err)
				}
				brief, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				if err := c.Wait(brief); (err == nil) != tt.accepted || err != nil && !errors.Is(err, tt.unread) {
					t.Errorf("Wait: %v", err)
				}
				if _, err := c.List(brief, ""); (err == nil) != tt.accepted || err != nil && !errors.Is(err, tt.unread) {
					t.Errorf("List: %v", err)
				}
				time.Sleep(time.Minute) // leases run out
				get("orders", tt.read, true)
				store.SetState(memory.Up)
				time.Sleep(10 * time.Second)
				if err := c.Wait(t.Context()); err != nil {
					t.Errorf("Wait: %v", err)
				}
				get("orders", nil, false)
				get("others", nil, false)
				if err := c.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
		})
	}
}

// TestStateWakesWatches: a Watch is told at once of each state.
func TestStateWakesWatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		c := open(t, memory.WithStore(store), quiet)
		if err := c.Register(t.Context(), orders); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		steps := []memory.State{memory.Stale, memory.Up, memory.Unavailable, memory.Forbidding, memory.Up}
		want := []error{nil, registrar.ErrUnavailable, nil, registrar.ErrUnavailable, registrar.ErrPermission, nil}
		n := 0
		for s, err := range c.Watch(t.Context(), "orders") {
			if !errors.Is(err, want[n]) || s == nil || len(s.Instances) != 1 || s.Stale != (want[n] != nil) {
				t.Errorf("step %d: %+v, %v, want %v", n, s, err, want[n])
			}
			if n == len(steps) {
				break
			}
			store.SetState(steps[n])
			n++
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("took %v", took)
		}
		_ = c.Close()
	})
}
