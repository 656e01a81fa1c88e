package main

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/bench/drive"
	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/table"
)

// The ways in which Roster answers, and in which CoreDNS's etcd plugin does.
const (
	chain     = "chain"
	fastpath  = "fastpath"
	skydns    = "etcd"
	skydnsToo = "etcd+cache"
)

// ways says where Roster's ways are.
var ways = map[string]string{chain: "in the chain", fastpath: "on the fast path"}

// comparison is one of Roster's ways beside a peer.
type comparison struct {
	way, peer string
	bar       float64 // 0 for none
}

// id is that of the row for a kind of question.
func (c comparison) id(k load.Kind) string { return c.way + "/" + k.String() + "/" + c.peer }

// comparisons are all there are.
var comparisons = []comparison{
	{chain, "whoami", 1},
	{chain, "file", 0.5},
	{chain, skydnsToo, 0.75},
	{chain, skydns, 0},
	{fastpath, "knot", 1},
	{fastpath, "nsd", 1},
}

// answers compares the processor time per query of servers with the same data.
func answers() experiment {
	e := experiment{name: "answers", run: runAnswers}
	servers := map[string]bool{}
	for _, c := range comparisons {
		servers[c.way], servers[c.peer] = true, true
		for _, k := range load.Kinds {
			row := table.Row{ID: c.id(k), What: "CPU per query " + ways[c.way] + ", " + k.String(), Unit: "x " + c.peer}
			if c.bar > 0 {
				row.Bar = table.AtMost(c.bar)
			}
			e.rows = append(e.rows, row)
		}
	}
	_ = alternately(0, servers, func(name string, _ bool) error {
		for _, k := range load.Kinds {
			e.rows = append(e.rows,
				table.Row{ID: "cpu/" + name + "/" + k.String(), What: "CPU per query of " + name, Unit: "µs"},
				table.Row{ID: "rate/" + name + "/" + k.String(), What: "queries a second of " + name, Unit: "/s"})
		}
		return nil
	})
	return e
}

func runAnswers(ctx context.Context, m *measurement) error {
	r, err := m.registry(ctx, m.small())
	if err != nil {
		return err
	}
	kinds := m.kindsByServer()
	servers := map[string]*peers.Server{}
	defer func() { stopAll(servers) }()
	for name := range kinds {
		s, err := m.startServer(ctx, name, r)
		if errors.Is(err, peers.ErrNotBuilt) {
			m.lacks(name+"/", err.Error())
			continue
		}
		if err != nil {
			return err
		}
		servers[name] = s
	}
	return m.eachRound(ctx, func(ctx context.Context, n int) error {
		for _, k := range load.Kinds {
			asked := maps.Clone(servers)
			maps.DeleteFunc(asked, func(name string, _ *peers.Server) bool { return !kinds[name][k] })
			if err := m.compare(ctx, n, r, k, asked); err != nil {
				return err
			}
		}
		return nil
	})
}

// kindsByServer says which servers the selected rows need, and what they are asked.
func (m *measurement) kindsByServer() map[string]map[load.Kind]bool {
	kinds := map[string]map[load.Kind]bool{}
	for _, c := range comparisons {
		for _, k := range load.Kinds {
			if !m.selected(c.id(k)) {
				continue
			}
			for _, name := range []string{c.way, c.peer} {
				if kinds[name] == nil {
					kinds[name] = map[load.Kind]bool{}
				}
				kinds[name][k] = true
			}
		}
	}
	return kinds
}

// compare measures one kind of question at servers.
func (m *measurement) compare(ctx context.Context, round int, r *registry, k load.Kind, servers map[string]*peers.Server) error {
	costs := map[string]cost{}
	err := alternately(round, servers, func(name string, s *peers.Server) error {
		questions, err := r.questions(k, isSkyDNS(name))
		if err != nil {
			return err
		}
		if costs[name], err = m.cost(ctx, s, drive.Load{Questions: questions, EDNS: k.EDNS}); err != nil {
			return err
		}
		m.add("cpu/"+name+"/"+k.String(), micros(costs[name].perQuery))
		m.add("rate/"+name+"/"+k.String(), costs[name].rate)
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range comparisons {
		ours, ok := costs[c.way]
		theirs, too := costs[c.peer]
		if ok && too && m.selected(c.id(k)) {
			m.add(c.id(k), ratio(ours.perQuery, theirs.perQuery))
		}
	}
	return nil
}

func isSkyDNS(name string) bool { return name == skydns || name == skydnsToo }

// startServer starts the server of a name on the data of a registry, and checks its
// answers.
func (b *bench) startServer(ctx context.Context, name string, r *registry) (*peers.Server, error) {
	zone, err := r.zone()
	if err != nil {
		return nil, err
	}
	var s *peers.Server
	switch name {
	case "whoami":
		return b.kit.Whoami(ctx)
	case "file":
		s, err = b.kit.File(ctx, zone)
	case "knot":
		s, err = b.kit.Knot(ctx, zone)
	case "nsd":
		s, err = b.kit.NSD(ctx, zone)
	case skydns, skydnsToo:
		if err = load.Fill(ctx, r.Client, r.data.SkyDNS(skydnsPath)); err == nil {
			s, err = b.kit.EtcdPlugin(ctx, r.Endpoint, skydnsPath, name == skydnsToo)
		}
	case chain, fastpath:
		s, _, err = b.kit.Roster(ctx, peers.Roster{Endpoint: r.Endpoint, Prefix: rosterPrefix, Fastpath: name == fastpath})
	default:
		err = fmt.Errorf("no server has the name %q", name)
	}
	if err != nil {
		return nil, err
	}
	return s, r.check(ctx, s, isSkyDNS(name))
}

// check checks that a server has all answers for the last service.
func (r *registry) check(ctx context.Context, s *peers.Server, skydns bool) error {
	for _, k := range load.Kinds {
		q := peers.Question{Name: k.Name(r.data.Service(r.data.Services-1), skydns), Type: dns.StringToType[k.Type], EDNS: k.EDNS}
		if err := s.Check(ctx, q, r.data.Each); err != nil {
			return err
		}
	}
	return nil
}

func stopAll(servers map[string]*peers.Server) {
	for _, s := range servers {
		s.Stop()
	}
}
