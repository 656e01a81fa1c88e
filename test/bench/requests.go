package main

import (
	"context"

	"github.com/rosterdns/roster/test/bench/drive"
	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/table"
)

// requests counts what queries make etcd do: the messages that it gets, above those
// that it gets in the same time without queries.
func requests() experiment {
	return experiment{name: "requests", run: runRequests, rows: []table.Row{
		{ID: "requests", What: "requests to etcd caused by queries at full speed", Unit: "in a round", Bar: table.AtMost(0)},
	}}
}

func runRequests(ctx context.Context, m *measurement) error {
	r, err := m.registry(ctx, m.small())
	if err != nil {
		return err
	}
	s, err := m.startServer(ctx, chain, r)
	if err != nil {
		return err
	}
	defer s.Stop()
	k := load.Kind{Type: "SRV", EDNS: true}
	questions, err := r.questions(k, false)
	if err != nil {
		return err
	}
	return m.eachRound(ctx, func(ctx context.Context, _ int) error {
		idle, err := r.requestsOf(ctx, func() error { return sleep(ctx, m.duration) })
		if err != nil {
			return err
		}
		asked, err := r.requestsOf(ctx, func() error {
			_, err := m.driver.Drive(ctx, drive.Load{Port: s.Port, Questions: questions, EDNS: k.EDNS, Duration: m.duration})
			return err
		})
		if err == nil {
			// One of the server's regular requests can fall into either time.
			m.add("requests", max(0, asked-idle-1))
		}
		return err
	})
}

// requestsOf returns how many messages etcd gets while do runs.
func (r *registry) requestsOf(ctx context.Context, do func() error) (float64, error) {
	before, err := r.Requests(ctx, "")
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := r.Requests(ctx, "")
	return after - before, err
}
