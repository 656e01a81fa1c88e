package main

import (
	"context"
	"time"

	"github.com/rosterdns/roster/test/bench/drive"
	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/table"
)

const (
	// hotInstances is the size of the one large service.
	hotInstances = 20_000
	// hotRate is how many of them change a second.
	hotRate = 100
	// hotQueries is how many queries a second are asked meanwhile: fewer than any
	// server can answer, so that what is measured is the effect of changes.
	hotQueries = 1000
)

// hot measures a server of one large service while it changes.
func hot() experiment {
	return experiment{name: "hot", run: runHot, rows: []table.Row{
		{ID: "hot/p99", What: "p99 latency of a service of 20,000 instances at 100 changes a second, above idle", Unit: "ms", Bar: table.AtMost(10)},
		{ID: "hot/cpu", What: "CPU of these changes, without queries", Unit: "% of a core", Bar: table.AtMost(5)},
		{ID: "hot/cpu-queries", What: "the same while the service is asked 1,000 times a second", Unit: "% of a core", Bar: table.AtMost(5)},
		{ID: "hot/memory", What: "resident memory at the end of the last round", Unit: "x first round", Bar: table.AtMost(1.1)},
		{ID: "p99/hot-idle", What: "p99 latency of that service, idle", Unit: "ms"},
		{ID: "p99/hot", What: "p99 latency of that service, changing", Unit: "ms"},
	}}
}

func runHot(ctx context.Context, m *measurement) error {
	r, err := m.registry(ctx, load.Dataset{Services: 1, Each: min(hotInstances, m.instances)})
	if err != nil {
		return err
	}
	s, _, err := m.kit.Roster(ctx, peers.Roster{Endpoint: r.Endpoint, Prefix: rosterPrefix})
	if err != nil {
		return err
	}
	defer s.Stop()
	first, last := int64(0), int64(0)
	err = m.eachRound(ctx, func(ctx context.Context, n int) error {
		if err := m.hotOnce(ctx, r, s); err != nil {
			return err
		}
		memory, err := s.Memory()
		if last = memory.Now; n == 0 {
			first = last
		}
		return err
	})
	if err == nil {
		m.add("hot/memory", float64(last)/float64(first))
	}
	return err
}

// hotOnce measures processor time and latency, idle and during changes.
func (m *measurement) hotOnce(ctx context.Context, r *registry, s *peers.Server) error {
	k := load.Kind{Type: "A", EDNS: true}
	questions, err := r.questions(k, false)
	if err != nil {
		return err
	}
	hot := change{rosterPrefix, r.data, hotRate}
	var result drive.Result
	wait := func(ctx context.Context) error { return sleep(ctx, m.duration) }
	ask := func(ctx context.Context) (err error) {
		result, err = m.driver.Drive(ctx, drive.Load{
			Port: s.Port, Questions: questions, EDNS: k.EDNS, Duration: m.duration, Rate: hotQueries, Latency: true,
		})
		return err
	}
	changing := func(do func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error { return m.changing(ctx, r, hot, do) }
	}
	var shares [4]float64 // idle and changing, without queries and with
	var latencies [4]time.Duration
	for i, do := range []func(context.Context) error{wait, changing(wait), ask, changing(ask)} {
		if shares[i], err = share(ctx, s, do); err != nil {
			return err
		}
		latencies[i] = result.P99
	}
	m.add("hot/cpu", 100*(shares[1]-shares[0]))
	m.add("hot/cpu-queries", 100*(shares[3]-shares[2]))
	m.add("p99/hot-idle", millis(latencies[2]))
	m.add("p99/hot", millis(latencies[3]))
	m.add("hot/p99", millis(latencies[3]-latencies[2]))
	return nil
}

// share returns how much of a core a server takes while do runs.
func share(ctx context.Context, s *peers.Server, do func(context.Context) error) (float64, error) {
	start := time.Now()
	cpu, err := cpuOf(s, func() error { return do(ctx) })
	return cpu.Seconds() / time.Since(start).Seconds(), err
}
