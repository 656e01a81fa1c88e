package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/process"
)

// The keys of columns that several scenarios have.
const (
	keyChanges = "changes" // made a second
	keyEtcd    = "etcd"    // percent of a processor
	keyServer  = "server"  // the same, of one
	keyOctets  = "octets"  // a second, of one server
	keyP50     = "p50"     // milliseconds
	keyP99     = "p99"
	keyBusy    = "busy" // percent of the machine
	keyProxy   = "proxy"
	keyLive    = "live"
)

// fanout has servers that read one etcd.
func (o *options) fanout() scenario {
	return scenario{
		name: "fanout", title: fmt.Sprintf("Servers × changes a second on one etcd, %s instances", o.changedSize()),
		columns: []column{
			{keyChanges, "Changes made /s"},
			{keyEtcd, "etcd, % of a processor"},
			{keyServer, "each server, %"},
			{keyOctets, "octets/s to each server"},
			{keyP50, "visible at the last server, p50 ms"},
			{keyP99, "p99 ms"},
			{keyBusy, "machine busy, %"},
		},
		rows: crowdRows("fanout", o.steps(), o.rates()),
		run: func(ctx context.Context, m *measurement, rows []row) error {
			etcd, err := m.filled(ctx, m.changed())
			if err != nil {
				return err
			}
			defer etcd.Stop()
			return m.eachOfCrowd(ctx, rows, etcd, m.rosters(etcd.Endpoint), roles{keyEtcd: {etcd.Process}}, nil)
		},
	}
}

// steps are the numbers of servers that are compared.
func (o *options) steps() []int {
	steps := []int{1, max(1, o.servers/5), max(1, o.servers/2), o.servers}
	return slices.Compact(steps)
}

// rates are the changes a second that are compared.
func (o *options) rates() []int { return []int{0, o.changes / 10, o.changes / 2, o.changes} }

func crowdRows(name string, steps, rates []int) (rows []row) {
	for _, servers := range steps {
		for _, rate := range rates {
			rows = append(rows, row{ID: fmt.Sprintf("%s/%dx%d", name, servers, rate), Servers: servers, Changes: rate})
		}
	}
	return rows
}

// eachOfCrowd measures rows in order, of which each has as many servers as the one before
// it, or more. The function more, if there is one, adds what else a row has.
func (m *measurement) eachOfCrowd(ctx context.Context, rows []row, etcd *peers.Etcd, start func() (*peers.Server, error), of roles, more func(figures) error) error {
	c, err := newCrowd(start)
	if err != nil {
		return err
	}
	defer c.stop()
	for _, r := range rows {
		if _, err := c.grow(ctx, r.Servers); err != nil {
			return err
		}
		of[keyServer] = c.servers
		f, err := m.ofCrowd(ctx, c, of, []writes{{etcd, m.changed(), r.Changes}})
		if err == nil && more != nil {
			err = more(f)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
		m.record(r, f)
	}
	return nil
}

// idleTime is how long a crowd without changes is watched: longer than a server without
// contact stays live.
const idleTime = 12 * time.Second

// ofCrowd measures what a crowd takes during changes, and then, during the same changes, when
// the last server has one. Probes are made at the first of the writes.
func (m *measurement) ofCrowd(ctx context.Context, c *crowd, of roles, all []writes) (figures, error) {
	duration, f := m.duration, figures{}
	if all[0].rate == 0 {
		duration = max(duration, idleTime)
	}
	made, err := allDuring(ctx, all, func(ctx context.Context) error {
		if err := sleep(ctx, settle); err != nil {
			return err
		}
		taken, err := of.over(func() error { return sleep(ctx, duration) })
		if err != nil {
			return err
		}
		f.add(taken, of)
		if f[keyLive], err = ofNumber(c.liveNow(ctx)); err != nil {
			return err
		}
		took, err := m.visible(ctx, all[0], c.audience)
		if err == nil {
			f[keyP50], f[keyP99] = quantile(took, median), quantile(took, slow)
		}
		return err
	})
	f[keyChanges] = made
	return f, err
}

func ofNumber(n int, err error) (float64, error) { return float64(n), err }

// add adds what processes have taken: of a role with several, what one of them takes.
func (f figures) add(taken costs, of roles) {
	for role, ps := range of {
		f[role] = taken.cpu[role] / float64(len(ps))
	}
	f[keyOctets] = taken.read[keyServer] / float64(len(of[keyServer]))
	f[keyBusy] = taken.busy
}

// allDuring makes all changes while do runs, and returns how many were made a second.
func allDuring(ctx context.Context, all []writes, do func(context.Context) error) (perSecond float64, err error) {
	if len(all) == 0 {
		return 0, do(ctx)
	}
	var others float64
	perSecond, err = all[0].during(ctx, func(ctx context.Context) (err error) {
		others, err = allDuring(ctx, all[1:], do)
		return err
	})
	return perSecond + others, err
}

// oneOf is a role with one process.
func oneOf(p *process.Process) []*process.Process { return []*process.Process{p} }
