package main

import (
	"strings"
	"testing"
)

// measuredAll are results of all rows of a run without flags, by simple costs.
func measuredAll(t *testing.T) (*options, results) {
	t.Helper()
	f, err := parseFlags(nil, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	all := results{}
	for _, s := range f.scenarios() {
		for _, r := range s.rows {
			servers, changes, millions := float64(r.Servers), float64(r.Changes), float64(r.Instances)/1e6
			all[r.ID] = figures{
				keyChanges: changes, keyBusy: 10, keyEtcd: 1 + 0.5*servers, keyServer: 2, keyProxy: servers, keyOctets: 100 * changes, keyMemory: 512,
				keySeconds: 1 + 2*millions, keyEtcdTime: servers * millions, keyTime: millions, keyList: 150 * millions,
				keyPeak: 90 + 400*millions, keyAfter: 80 + 400*millions, keyEtcdPeak: 40 + 1000*millions, keyDatabase: 200 * millions,
			}
		}
	}
	return &f.options, all
}

func TestModel(t *testing.T) {
	t.Parallel()
	o, all := measuredAll(t)
	// A row that was too much for the machine says nothing.
	all["fanout/50x1000"][keyBusy], all["fanout/50x1000"][keyOctets] = 99, 1
	text := newModel(o, all).String()
	for _, want := range []string{
		"| etcd's processors | 1 + 0.5 K", " % of one | 0 % | 15 |",
		"| network to a server | ", "100 C | octets/s | 0 % | 15 |",
		"| a server's memory at its start | 90 + 400 M/10⁶ | MiB | 0 % | 3 |",
		"| etcd's processor time for each start | ", "1 M/10⁶ | s | 0 % | 7 |",
		"**Example**: 100,000 instances, 200 changes a second, 20 servers",
		"| network from etcd, during changes | 3.20 Mbit/s |",
		"| etcd's memory | 150 MiB |", // of which 10 are for the watches
		"| start of one server | 1.20 s |",
		"| all servers at once: etcd's processor time | 2.00 s |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestModelOfAPart: what was not measured is not in the model.
func TestModelOfAPart(t *testing.T) {
	t.Parallel()
	o, all := measuredAll(t)
	if text := newModel(o, results{}).String(); text != "" {
		t.Errorf("of nothing: %s", text)
	}
	for id := range all {
		if !strings.HasPrefix(id, "proxy/") {
			delete(all, id)
		}
	}
	text := newModel(o, all).String()
	if !strings.Contains(text, "| the proxy's processors | 1 K") || strings.Contains(text, "etcd's memory") {
		t.Errorf("of the proxy alone: %s", text)
	}
}
