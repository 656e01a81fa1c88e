package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/rosterdns/roster/test/bench/table"
)

// row is what is measured at once. Fields that a scenario has no use for are 0.
type row struct {
	// ID is a path for the flag -rows, such as "fanout/50x1000".
	ID string
	// Servers is how many servers follow the registry, Changes how many changes a second
	// it gets, and Instances how many it has.
	Servers, Changes, Instances int
	// Peer is the name of a secondary.
	Peer string
}

// figures are what was measured of a row, by the key of a column.
type figures map[string]float64

// column is a column of a scenario's table.
type column struct{ key, title string }

// scenario measures rows that need the same servers.
type scenario struct {
	// name begins the rows' IDs, and title stands above their table.
	name, title string
	columns     []column
	rows        []row
	// programs are those that it needs beside Roster and etcd.
	programs func(*flags) []*string
	// run measures the rows, which are those of its own that are selected.
	run func(ctx context.Context, m *measurement, rows []row) error
}

// scenarios are all there are, in the order of the tables.
func (o *options) scenarios() []scenario {
	return []scenario{o.startup(), o.fanout(), o.watchers(), o.proxied(), o.clusters(), o.secondaries()}
}

// selected are the rows of a scenario that the flags select.
func (o *options) selected(s scenario) []row {
	return slices.DeleteFunc(slices.Clone(s.rows), func(r row) bool { return !o.only.MatchString(r.ID) })
}

// measurement is a scenario while it runs.
type measurement struct {
	*bench
	record func(r row, f figures)
}

// measure runs a scenario if one of its rows is selected, and adds what it finds to the
// results.
func (b *bench) measure(ctx context.Context, s scenario, to results) error {
	rows := b.selected(s)
	if len(rows) == 0 {
		return nil
	}
	b.progress("== %s", s.title)
	m := &measurement{b, func(r row, f figures) {
		to[r.ID] = f
		for _, c := range s.columns {
			if value, ok := f[c.key]; ok {
				b.progress("   %s: %s %s", r.ID, c.title, table.Number(value))
			}
		}
	}}
	if err := s.run(ctx, m, rows); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}
