package main

import (
	"context"
	"time"

	"github.com/rosterdns/roster/test/bench/drive"
	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/table"
)

// queriedFor is how long the services are asked at least, all of them in turn.
const queriedFor = 10 * time.Second

// queried measures the memory of a server of the large registry that changes while every
// service is asked.
func queried() experiment {
	return experiment{name: "queried", run: runQueried, rows: []table.Row{
		{
			ID: "memory/queried", What: "resident memory per instance after every service was asked A and SRV, during 1,000 changes a second",
			Unit: "bytes", Bar: table.AtMost(1024),
		},
		{ID: "memory/queried-peak", What: "highest resident memory per instance until then", Unit: "bytes"},
	}}
}

func runQueried(ctx context.Context, m *measurement) error {
	r, err := m.registry(ctx, m.large())
	if err != nil {
		return err
	}
	empty, err := m.emptyMemory(ctx, r)
	if err != nil {
		return err
	}
	return m.eachRound(ctx, func(ctx context.Context, _ int) error {
		s, _, err := m.kit.Roster(ctx, peers.Roster{Endpoint: r.Endpoint, Prefix: rosterPrefix})
		if err != nil {
			return err
		}
		defer s.Stop()
		err = m.changing(ctx, r, change{rosterPrefix, r.data, changeRate}, func(ctx context.Context) error {
			for start := time.Now(); time.Since(start) < queriedFor; {
				if err := m.askAll(ctx, r, s); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := sleep(ctx, memorySettles); err != nil {
			return err
		}
		now, err := s.Memory()
		if err != nil {
			return err
		}
		instances := float64(r.data.Instances())
		m.add("memory/queried", float64(now.Now-empty.Now)/instances)
		m.add("memory/queried-peak", float64(now.Peak-empty.Peak)/instances)
		return nil
	})
}

// askAll asks every service for its addresses and targets, once.
func (m *measurement) askAll(ctx context.Context, r *registry, s *peers.Server) error {
	for _, k := range []load.Kind{{Type: "A", EDNS: true}, {Type: "SRV", EDNS: true}} {
		questions, err := r.questions(k, false)
		if err != nil {
			return err
		}
		if _, err := m.driver.Drive(ctx, drive.Load{Port: s.Port, Questions: questions, EDNS: k.EDNS, Once: true}); err != nil {
			return err
		}
	}
	return nil
}
