package main

import (
	"context"

	"github.com/rosterdns/roster/test/bench/drive"
	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/table"
)

// latencyKinds are asked for latency.
var latencyKinds = []load.Kind{{Type: "A", EDNS: true}, {Type: "SRV", EDNS: true}}

// latency compares the p99 of the time of an answer with whoami's, at half of the
// queries a second that whoami can answer.
func latency() experiment {
	e := experiment{name: "latency", run: runLatency}
	for _, k := range latencyKinds {
		e.rows = append(e.rows, table.Row{ID: "latency/" + k.String(), What: "p99 latency at half of whoami's capacity, " + k.String(), Unit: "x whoami", Bar: table.AtMost(1)})
		for _, name := range []string{chain, "whoami"} {
			e.rows = append(e.rows, table.Row{ID: "p99/" + name + "/" + k.String(), What: "p99 latency of " + name, Unit: "µs"})
		}
	}
	return e
}

func runLatency(ctx context.Context, m *measurement) error {
	r, err := m.registry(ctx, m.small())
	if err != nil {
		return err
	}
	servers := map[string]*peers.Server{}
	defer func() { stopAll(servers) }()
	for _, name := range []string{chain, "whoami"} {
		if servers[name], err = m.startServer(ctx, name, r); err != nil {
			return err
		}
	}
	return m.eachRound(ctx, func(ctx context.Context, n int) error {
		for _, k := range latencyKinds {
			if m.selected("latency/" + k.String()) {
				if err := m.latencies(ctx, n, r, k, servers); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// latencies measures whoami's capacity, and then both servers at half of it.
func (m *measurement) latencies(ctx context.Context, round int, r *registry, k load.Kind, servers map[string]*peers.Server) error {
	questions, err := r.questions(k, false)
	if err != nil {
		return err
	}
	l := drive.Load{Questions: questions, EDNS: k.EDNS}
	capacity, err := m.cost(ctx, servers["whoami"], l)
	if err != nil {
		return err
	}
	l.Rate, l.Duration, l.Latency = int(capacity.rate/2), m.duration, true
	p99 := map[string]float64{}
	err = alternately(round, servers, func(name string, s *peers.Server) error {
		l.Port = s.Port
		result, err := m.driver.Drive(ctx, l)
		if err != nil {
			return err
		}
		p99[name] = micros(result.P99)
		m.add("p99/"+name+"/"+k.String(), p99[name])
		return nil
	})
	if err != nil {
		return err
	}
	m.add("latency/"+k.String(), p99[chain]/p99["whoami"])
	return nil
}
