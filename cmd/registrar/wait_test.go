package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// set is what a watchedRegistry yields at a time.
type set struct {
	after time.Duration // the one before
	up    int
	err   error // with none known at all if up is negative
}

// watchedRegistry is a registry whose service changes as a test says.
type watchedRegistry struct {
	fakeRegistry
	sets []set
}

func (w *watchedRegistry) open(ctx context.Context, opts ...registrar.Option) (*registrar.Client, error) {
	return registrar.NewClient(w), w.Init(ctx, opts...)
}

func (w *watchedRegistry) Watch(ctx context.Context, name string) iter.Seq2[*registrar.Service, error] {
	return func(yield func(*registrar.Service, error) bool) {
		for _, one := range w.sets {
			select {
			case <-time.After(one.after):
			case <-ctx.Done():
				return
			}
			var s *registrar.Service
			if one.up >= 0 {
				s = &registrar.Service{Namespace: "default", Name: "orders", Stale: one.err != nil}
				for i := range one.up {
					s.Instances = append(s.Instances, registrar.Instance{ID: fmt.Sprint(i)})
				}
				s.Instances = append(s.Instances, registrar.Instance{ID: "drained", Status: "draining"})
			}
			if !yield(s, one.err) {
				return
			}
		}
		<-ctx.Done()
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	away := fmt.Errorf("etcd %w: dialing", registrar.ErrUnavailable)
	for _, tt := range []struct {
		name   string
		sets   []set
		code   int
		after  time.Duration
		stderr string
	}{
		{"enough", []set{{0, 3, nil}}, exitOK, 0, "default/orders: 3 up"},
		{"enough later", []set{{0, 0, nil}, {time.Second, 2, nil}, {time.Second, 4, nil}}, exitOK, 2 * time.Second, "default/orders: 4 up"},
		{"never", []set{{0, 1, nil}, {time.Second, 2, nil}}, exitTimeout, 10 * time.Second, "waiting for default/orders: 2 of 3 up: timed out: try a longer --timeout"},
		{"no answer", nil, exitTimeout, 10 * time.Second, "etcd answered, but did not send all instances in time"},
		{"answers after a second", []set{{time.Second, -1, away}, {time.Second, 3, nil}}, exitOK, 2 * time.Second, "default/orders: 3 up"},
		{"stale ones don't count", []set{{0, 2, nil}, {time.Second, 3, away}}, exitUnavailable, 10 * time.Second, "2 of 3 up before contact was lost: etcd unavailable: dialing"},
		{"contact regained", []set{{0, 2, nil}, {time.Second, 2, away}, {time.Second, 2, nil}}, exitTimeout, 10 * time.Second, "2 of 3 up"},
		{"forbidden", []set{{time.Second, -1, registrar.ErrPermission}}, exitPermission, time.Second, "permission denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				code, stdout, stderr := newBench((&watchedRegistry{sets: tt.sets}).open).run(t, "wait", "orders", "--min", "3", "--timeout", "10s")
				if code != tt.code || stdout != "" || !strings.Contains(stderr, tt.stderr) {
					t.Errorf("exit code %d, want %d; it wrote %q and said %q, want %q", code, tt.code, stdout, stderr, tt.stderr)
				}
				if took := time.Since(start); took != tt.after {
					t.Errorf("it took %v, want %v", took, tt.after)
				}
			})
		})
	}
}

func TestWaitWithoutEtcd(t *testing.T) {
	t.Parallel()
	w := &watchedRegistry{fakeRegistry: fakeRegistry{existsErr: fmt.Errorf("etcd %w", registrar.ErrUnavailable)}}
	if code, _, stderr := newBench(w.open).run(t, "wait", "orders"); code != exitUnavailable {
		t.Errorf("exit code %d, want %d; it said %q", code, exitUnavailable, stderr)
	}
	if !errors.Is(w.existsErr, registrar.ErrUnavailable) {
		t.Error("the error is another")
	}
}

// TestWaitOfRegistry waits for instances of a real registry: selected ones, and writes
// the service for programs.
func TestWaitOfRegistry(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.tells(t, exitOK, []string{"default/orders: 3 up"}, "wait", "orders", "--min", "3")
	s.says(t, "a\nb\nc\n", "wait", "orders", "-o", "name")
	s.do(t, "", exitOK, "drain", "orders", "b")
	_, stderr := s.do(t, "", exitTimeout, "wait", "orders", "--min", "3", "--timeout", "50ms")
	if want := "registrar: waiting for default/orders: 2 of 3 up: timed out: try a longer --timeout\n"; stderr != want {
		t.Errorf("it said %q, want %q", stderr, want)
	}
	if _, stderr := s.do(t, "", exitTimeout, "wait", "nope", "--timeout", "50ms"); !strings.Contains(stderr, ": 0 of 1 up: ") {
		t.Errorf("of a service that is not there it said %q", stderr)
	}
	s.do(t, "", exitTimeout, "wait", "orders?tag=canary", "--timeout", "50ms")
}
