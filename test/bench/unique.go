package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/rosterdns/roster/test/bench/drive"
	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/table"
)

const (
	// uniqueQuestions is how many a server is asked of each kind.
	uniqueQuestions = 1_000_000
	// uniqueWarmUp is how many of them come before its memory is read: what is bounded is
	// there then, and so is the garbage that Go lets stand between collections.
	uniqueWarmUp = 200_000
	// uniqueGrowth is how many MiB its memory may grow by.
	uniqueGrowth = 16
)

// unique measures how the memory of a server grows by questions that differ all the
// time, which nothing must remember.
func unique() experiment {
	e := experiment{name: "unique names", run: runUnique}
	for _, way := range []string{chain, fastpath} {
		for _, u := range load.Uniques {
			e.rows = append(e.rows, table.Row{
				ID: uniqueID(u, way), What: fmt.Sprintf("growth of resident memory by %d unique %s %s", uniqueQuestions, u.Name, ways[way]),
				Unit: "MiB", Bar: table.AtMost(uniqueGrowth),
			})
		}
	}
	return e
}

func uniqueID(u load.Unique, way string) string { return "memory/unique-" + u.Name + "/" + way }

func runUnique(ctx context.Context, m *measurement) error {
	r, err := m.registry(ctx, m.small())
	if err != nil {
		return err
	}
	for _, way := range []string{chain, fastpath} {
		for _, u := range load.Uniques {
			if !m.selected(uniqueID(u, way)) {
				continue
			}
			grown, err := m.growth(ctx, r, way, u)
			if err != nil {
				return fmt.Errorf("%s %s: %w", u.Name, ways[way], err)
			}
			m.add(uniqueID(u, way), float64(grown)/(1<<20))
		}
	}
	return nil
}

// growth is by how many bytes a server's memory grows.
func (m *measurement) growth(ctx context.Context, r *registry, way string, u load.Unique) (int64, error) {
	s, err := m.startServer(ctx, way, r)
	if err != nil {
		return 0, err
	}
	defer s.Stop()
	if err := m.askUnique(ctx, r, s, u, 0, uniqueWarmUp); err != nil {
		return 0, err
	}
	before, err := s.Memory()
	if err != nil {
		return 0, err
	}
	if err := m.askUnique(ctx, r, s, u, uniqueWarmUp, uniqueQuestions); err != nil {
		return 0, err
	}
	after, err := s.Memory()
	return after.Now - before.Now, err
}

// askUnique asks n questions, once each.
func (m *measurement) askUnique(ctx context.Context, r *registry, s *peers.Server, u load.Unique, first, n int) error {
	questions, err := r.file(fmt.Sprintf("unique-%s-%d", u.Name, first), func(w io.Writer) error { return r.data.WriteUnique(w, u, first, n) })
	if err != nil {
		return err
	}
	if _, err := m.driver.Drive(ctx, drive.Load{Port: s.Port, Questions: questions, Once: true, Absent: true}); err != nil {
		return err
	}
	return os.Remove(questions) // of which there is room for few in memory
}
