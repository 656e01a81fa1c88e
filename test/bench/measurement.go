package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rosterdns/roster/test/bench/table"
)

// experiment measures rows that need the same servers.
type experiment struct {
	name string
	rows []table.Row
	// run starts the servers, measures in rounds, and stops them.
	run func(ctx context.Context, m *measurement) error
}

// measurement is an experiment while it runs.
type measurement struct {
	*bench
	experiment
	values  map[string][]float64 // by a row's ID
	missing map[string]string    // why a row has no value
}

// measure runs an experiment if one of its rows is selected, and returns the results
// of those.
func (b *bench) measure(ctx context.Context, e experiment) ([]table.Result, error) {
	m := &measurement{b, e, map[string][]float64{}, map[string]string{}}
	selected := slices.DeleteFunc(slices.Clone(e.rows), func(r table.Row) bool { return !m.selected(r.ID) })
	if len(selected) == 0 {
		return nil, nil
	}
	b.progress("== %s", e.name)
	err := e.run(ctx, m)
	if err != nil {
		err = fmt.Errorf("%s: %w", e.name, err)
	}
	var results []table.Result
	for _, row := range e.rows {
		r := table.Result{Row: row, Values: m.values[row.ID], Missing: m.missing[row.ID]}
		if err != nil && r.Missing == "" {
			r.Missing = "failed" // a median of some rounds is none
		}
		if m.selected(row.ID) || len(r.Values) > 0 && row.Bar == nil {
			results = append(results, r)
		}
	}
	return results, err
}

// selected reports whether a row is to be measured.
func (b *bench) selected(id string) bool { return b.only.MatchString(id) }

// anySelected reports whether a row is to be measured whose ID starts so.
func (m *measurement) anySelected(prefix string) bool {
	return slices.ContainsFunc(m.rows, func(r table.Row) bool {
		return strings.HasPrefix(r.ID, prefix) && m.selected(r.ID)
	})
}

// eachRound calls round for each round, from 0.
func (m *measurement) eachRound(ctx context.Context, round func(ctx context.Context, n int) error) error {
	for n := range m.rounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.progress("%s: round %d of %d", m.name, n+1, m.rounds)
		if err := round(ctx, n); err != nil {
			return fmt.Errorf("round %d: %w", n+1, err)
		}
	}
	return nil
}

// add adds the value of a row in this round.
func (m *measurement) add(id string, value float64) {
	m.values[id] = append(m.values[id], value)
	for _, r := range m.rows {
		if r.ID == id {
			m.progress("   %s: %s %s", id, table.Number(value), r.Unit)
		}
	}
}

// lacks says why rows whose IDs start so have no values.
func (m *measurement) lacks(prefix, why string) {
	for _, r := range m.rows {
		if strings.HasPrefix(r.ID, prefix) {
			m.missing[r.ID] = why
		}
	}
}

// alternately calls measure for each key: in order in even rounds, and backward in
// odd ones, so that what changes with time favours none.
func alternately[V any](round int, of map[string]V, measure func(name string, v V) error) error {
	names := slices.Sorted(maps.Keys(of))
	if round%2 == 1 {
		slices.Reverse(names)
	}
	for _, name := range names {
		if err := measure(name, of[name]); err != nil {
			return err
		}
	}
	return nil
}
