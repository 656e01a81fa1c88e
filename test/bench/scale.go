package main

import (
	"context"

	"github.com/rosterdns/roster/test/bench/drive"
	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/table"
)

// scaleBar is how much more a query may cost in the large registry.
const scaleBar = 1.5

// scale compares the processor time per query in the large registry with that in the
// small one: names are asked uniformly, so that the large one finds little in the
// processor's caches.
func scale() experiment {
	e := experiment{name: "scale", run: runScale}
	for _, k := range load.Kinds {
		e.rows = append(e.rows,
			table.Row{ID: "scale/" + k.String(), What: "CPU per query in the large registry, " + k.String(), Unit: "x small", Bar: table.AtMost(scaleBar)},
			table.Row{ID: "cpu/large/" + k.String(), What: "CPU per query in the large registry", Unit: "µs"})
	}
	return e
}

func runScale(ctx context.Context, m *measurement) error {
	registries := map[string]*registry{}
	servers := map[string]*peers.Server{}
	defer func() { stopAll(servers) }()
	for name, data := range map[string]load.Dataset{"small": m.small(), "large": m.large()} {
		var err error
		if registries[name], err = m.registry(ctx, data); err != nil {
			return err
		}
		if servers[name], err = m.startServer(ctx, chain, registries[name]); err != nil {
			return err
		}
	}
	return m.eachRound(ctx, func(ctx context.Context, n int) error {
		for _, k := range load.Kinds {
			if !m.selected("scale/" + k.String()) {
				continue
			}
			costs := map[string]cost{}
			err := alternately(n, servers, func(name string, s *peers.Server) error {
				questions, err := registries[name].questions(k, false)
				if err == nil {
					costs[name], err = m.cost(ctx, s, drive.Load{Questions: questions, EDNS: k.EDNS})
				}
				return err
			})
			if err != nil {
				return err
			}
			m.add("cpu/large/"+k.String(), micros(costs["large"].perQuery))
			m.add("scale/"+k.String(), ratio(costs["large"].perQuery, costs["small"].perQuery))
		}
		return nil
	})
}
