package health_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/health"
)

// recorder is a client that remembers the statuses that are registered.
type recorder struct {
	statuses []catalog.Status
	err      error
}

func (r *recorder) Register(_ context.Context, s *registrar.Service) error {
	r.statuses = append(r.statuses, s.Instances[0].Status)
	return r.err
}

// results is a monitor that reports results, and ends.
type results []catalog.Status

func (list results) Run(ctx context.Context, changed func(health.Result)) {
	for _, status := range list {
		if ctx.Err() != nil {
			return
		}
		r := health.Result{Status: status}
		if !r.Up() {
			r.Err = errBroken
		}
		changed(r)
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	const up, down = catalog.StatusUp, catalog.StatusDown
	db := func() *registrar.Service {
		return &registrar.Service{Name: "db", Instances: []registrar.Instance{{Host: "db1.example.com"}}}
	}
	for _, c := range []struct {
		found results
		want  []catalog.Status
	}{
		{results{}, nil},
		{results{down}, nil},
		{results{up}, []catalog.Status{up}},
		{results{down, up, down, up}, []catalog.Status{up, down, up}},
	} {
		var r recorder
		s := db()
		if err := health.Register(t.Context(), &r, s, c.found); err != nil || !slices.Equal(r.statuses, c.want) {
			t.Errorf("%v: %v, %v", c.found, r.statuses, err)
		}
		if s.Instances[0].Status != "" {
			t.Error("the caller's service was changed")
		}
	}
	r := recorder{err: registrar.ErrClosed}
	if err := health.Register(t.Context(), &r, db(), results{up, down}); !errors.Is(err, registrar.ErrClosed) || len(r.statuses) != 1 {
		t.Errorf("closed: %v after %v", err, r.statuses)
	}
	for _, bad := range []*registrar.Service{{Name: "db", Instances: []registrar.Instance{{}}}, {}} {
		if err := health.Register(t.Context(), &r, bad, results{}); !errors.Is(err, registrar.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestRegisterInitially shows that instances are registered at once with a checker that
// takes them for up, and follow it from there.
func TestRegisterInitially(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			initial catalog.Status
			err     error
			want    []catalog.Status
		}{
			{catalog.StatusUp, nil, []catalog.Status{catalog.StatusUp}},
			{catalog.StatusUp, errBroken, []catalog.Status{catalog.StatusUp, catalog.StatusDown}},
			{catalog.StatusDown, errBroken, nil},
			{catalog.StatusDown, nil, []catalog.Status{catalog.StatusUp}},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			var r recorder
			probe := health.ProbeFunc(func(context.Context) error { return c.err })
			db := &registrar.Service{Name: "db", Instances: []registrar.Instance{{Host: "db1.example.com"}}}
			if err := health.Register(ctx, &r, db, &health.Checker{Probe: probe, Initial: c.initial}); err != nil || !slices.Equal(r.statuses, c.want) {
				t.Errorf("initially %q, then %v: registered as %q, %v; want %q", c.initial, c.err, r.statuses, err, c.want)
			}
		}
	})
}
