package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rosterdns/roster/test/bench/drive"
	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/table"
)

// changeRate is how many instances of the large registry change a second.
const changeRate = 1000

// changes measures a server of the large registry while it changes.
func changes() experiment {
	return experiment{name: "changes", run: runChanges, rows: []table.Row{
		{ID: "changes/queries", What: "queries a second during 1,000 changes a second", Unit: "x idle", Bar: table.AtLeast(0.9)},
		{ID: "changes/queries-busy", What: "the same, against 1,000 changes a second to other keys of the same etcd", Unit: "x idle", Bar: table.AtLeast(0.9)},
		{ID: "changes/visible", What: "p99 from put to answer, above a bare watch's p99", Unit: "ms", Bar: table.AtMost(2)},
		{ID: "p99/put-to-answer", What: "p99 from put to answer", Unit: "ms"},
		{ID: "p99/put-to-watch", What: "p99 from put to the event of a bare watch", Unit: "ms"},
	}}
}

func runChanges(ctx context.Context, m *measurement) error {
	r, err := m.registry(ctx, m.large())
	if err != nil {
		return err
	}
	s, err := m.startServer(ctx, chain, r)
	if err != nil {
		return err
	}
	defer s.Stop()
	other := m.small()
	if err := load.Fill(ctx, r.Client, other.Registry(otherPrefix)); err != nil {
		return err
	}
	return m.eachRound(ctx, func(ctx context.Context, _ int) error {
		if m.anySelected("changes/queries") {
			if err := m.queriesDuringChanges(ctx, r, s, other); err != nil {
				return err
			}
		}
		if !m.selected("changes/visible") {
			return nil
		}
		return m.changing(ctx, r, change{rosterPrefix, r.data, changeRate - probeRate}, func(ctx context.Context) error {
			return m.visible(ctx, r, s)
		})
	})
}

// queriesDuringChanges compares queries a second without changes, with changes of other
// keys, which take etcd's and the writer's share of the processors, and with changes.
func (m *measurement) queriesDuringChanges(ctx context.Context, r *registry, s *peers.Server, other load.Dataset) error {
	k := load.Kind{Type: "A", EDNS: true}
	questions, err := r.questions(k, false)
	if err != nil {
		return err
	}
	var idle, elsewhere, during cost
	ask := func(into *cost) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			*into, err = m.cost(ctx, s, drive.Load{Questions: questions, EDNS: k.EDNS})
			return err
		}
	}
	if err := ask(&idle)(ctx); err != nil {
		return err
	}
	if err := m.changing(ctx, r, change{otherPrefix, other, changeRate}, ask(&elsewhere)); err != nil {
		return err
	}
	if err := m.changing(ctx, r, change{rosterPrefix, r.data, changeRate}, ask(&during)); err != nil {
		return err
	}
	m.add("changes/queries", during.rate/idle.rate)
	m.add("changes/queries-busy", during.rate/elsewhere.rate)
	return nil
}

// minChanges is the share of the changes asked for that must have been made.
const minChanges = 0.9

// change says which keys of an etcd change, and how many a second.
type change struct {
	prefix string
	data   load.Dataset
	rate   int
}

// changing changes keys while do runs.
func (m *measurement) changing(ctx context.Context, r *registry, c change, do func(context.Context) error) error {
	changing, stop := context.WithCancel(ctx)
	defer stop()
	var (
		wg    sync.WaitGroup
		made  int
		wrong error
		start = time.Now()
	)
	wg.Go(func() { made, wrong = c.data.Change(changing, r.Client, c.prefix, c.rate) })
	err := do(ctx)
	due := float64(c.rate) * time.Since(start).Seconds()
	stop()
	wg.Wait()
	if err == nil && wrong == nil && float64(made) < minChanges*due {
		err = fmt.Errorf("only %d of %.0f changes were made: etcd is too slow on this machine", made, due)
	}
	return errors.Join(err, wrong)
}
