package main

import (
	"fmt"
	"strings"

	"github.com/rosterdns/roster/test/bench/table"
)

// cost is a figure that the model tells for any load.
type cost struct {
	key, what, unit string
	scenario        string // whose rows it is fitted to
	terms           []term
	// of returns the figure of a row; false if the row is none for it.
	of func(r row, f figures) (float64, bool)
}

// crowded is the share of the machine, in percent, above which a row says what the machine
// can take, and not what it costs.
const crowded = 90

// The costs of the model, in the order in which they are shown.
var costsOfModel = []cost{
	{"etcd", "etcd's processors", "% of one", "fanout", []term{one, inK, rootC, inC, rootCK}, perRow(keyEtcd)},
	{"server", "a server's processors", "% of one", "fanout", []term{one, rootC, inC}, perRow(keyServer)},
	{"octets", "network to a server", "octets/s", "fanout", []term{one, inC}, perRow(keyOctets)},
	{"behind", "etcd's processors behind the proxy", "% of one", "proxy", []term{one, rootC}, perRow(keyEtcd)},
	{"proxy", "the proxy's processors", "% of one", "proxy", []term{inK, rootCK}, perRow(keyProxy)},
	{"peak", "a server's memory at its start", "MiB", "start", []term{one, inM}, alone(keyPeak)},
	{"after", "a server's memory 30 s later", "MiB", "start", []term{one, inM}, alone(keyAfter)},
	{"store", "etcd's memory", "MiB", "start", []term{one, inM}, alone(keyEtcdPeak)},
	{"database", "etcd's database", "MiB", "start", []term{one, inM}, alone(keyDatabase)},
	{"start", "start of one server", "s", "start", []term{one, inM}, alone(keySeconds)},
	{"lists", "etcd's processor time for each start", "s", "start", []term{one, inM}, perServer(keyEtcdTime)},
	{"reads", "a server's processor time for its start", "s", "start", []term{one, inM}, perStart(keyTime)},
	{"list", "network to a server at its start", "MiB", "start", []term{one, inM}, perStart(keyList)},
}

// perRow is a figure of a row that was not too much for the machine.
func perRow(key string) func(row, figures) (float64, bool) {
	return func(_ row, f figures) (float64, bool) {
		value, ok := f[key]
		return value, ok && f[keyBusy] < crowded
	}
}

// perStart is a figure of a start, whatever the number of servers.
func perStart(key string) func(row, figures) (float64, bool) {
	return func(_ row, f figures) (float64, bool) {
		value, ok := f[key]
		return value, ok
	}
}

// perServer is a figure of a start that is divided by the number of servers.
func perServer(key string) func(row, figures) (float64, bool) {
	return func(r row, f figures) (float64, bool) {
		value, ok := f[key]
		return value / float64(r.Servers), ok
	}
}

// alone is a figure of the start of one server: several share the machine.
func alone(key string) func(row, figures) (float64, bool) {
	return func(r row, f figures) (float64, bool) {
		value, ok := f[key]
		return value, ok && r.Servers == 1
	}
}

// model has what was fitted, by the costs' keys.
type model struct {
	fits map[string]fitted
	// watch is etcd's memory for a watch, in MiB; 0 if it was not measured.
	watch float64
}

// newModel fits the costs to results.
func newModel(o *options, measured results) *model {
	m := &model{fits: map[string]fitted{}}
	for _, s := range o.scenarios() {
		for _, c := range costsOfModel {
			if c.scenario != s.name {
				continue
			}
			if f, ok := fit(c.samples(s.rows, measured), c.terms...); ok {
				m.fits[c.key] = f
			}
		}
		for _, r := range s.rows {
			if s.name == "watchers" && r.Changes == 0 && measured[r.ID] != nil {
				m.watch = measured[r.ID][keyMemory] / (1 << 10)
			}
		}
	}
	return m
}

// samples are the figures of rows that a cost is fitted to.
func (c *cost) samples(rows []row, measured results) (samples []sample) {
	for _, r := range rows {
		f, ok := measured[r.ID]
		if !ok {
			continue
		}
		if value, ok := c.of(r, f); ok {
			samples = append(samples, sample{variables{M: float64(r.Instances), C: f[keyChanges], K: float64(r.Servers)}, value})
		}
	}
	return samples
}

// String is the model as a table, and an example of its use; "" if nothing was fitted.
func (m *model) String() string {
	if len(m.fits) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("**The model**: M instances, C changes a second, K servers\n\n| What | Costs | Unit | Largest deviation | Samples |\n|---|---|---|---|---|\n")
	for _, c := range costsOfModel {
		if f, ok := m.fits[c.key]; ok {
			fmt.Fprintf(&b, "| %s | %s | %s | %.0f %% | %d |\n", c.what, f.String(), c.unit, percent(f.worst), f.samples)
		}
	}
	b.WriteString("\n" + m.example())
	return b.String()
}

// The load of the example.
var exampleLoad = variables{M: 100_000, C: 200, K: 20}

// example applies the model to a load; "" without the fits that it takes.
func (m *model) example() string {
	at := map[string]float64{}
	for key, f := range m.fits {
		at[key] = f.at(exampleLoad)
	}
	v := exampleLoad
	lines := []struct {
		what, unit string
		value      float64
		of         string // the fit that it needs
	}{
		{"etcd's processors", "% of one", at["etcd"], "etcd"},
		{"each server's processors, without queries", "% of one", at["server"], "server"},
		{"network from etcd, during changes", "Mbit/s", v.K * at["octets"] * 8 / 1e6, "octets"},
		{"etcd's memory", "MiB", at["store"] + v.K*m.watch, "store"},
		{"each server's memory, at most", "MiB", at["peak"], "peak"},
		{"start of one server", "s", at["start"], "start"},
		{"all servers at once: etcd's processor time", "s", v.K * at["lists"], "lists"},
		{"all servers at once: network from etcd", "MiB", v.K * at["list"], "list"},
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**Example**: %s instances, %.0f changes a second, %.0f servers\n\n| What | Needs |\n|---|---|\n", table.Number(v.M), v.C, v.K)
	for _, l := range lines {
		if _, ok := m.fits[l.of]; ok {
			fmt.Fprintf(&b, "| %s | %s %s |\n", l.what, table.Number(l.value), l.unit)
		}
	}
	return b.String()
}
