package faults_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/test/harness"
)

// The registry that a restart has to answer from.
const (
	bulkServices = 10_000
	bulkEach     = 10
	// startBound is how soon after its start a server answers from a snapshot.
	startBound = time.Second
	// bulkTxn is how many instances a transaction writes; etcd takes 128
	// operations.
	bulkTxn = 100
)

// bulk is an instance of the registry that nothing changes.
func bulk(service, i int) harness.Instance {
	return harness.Instance{
		Namespace: "bulk", Service: fmt.Sprintf("s%05d", service), ID: fmt.Sprintf("i%d", i), Static: true,
		Addresses: []string{fmt.Sprintf("10.%d.%d.%d", 16+service>>8, service&255, i+1)},
		Ports:     []harness.InstancePort{{Name: "http", Port: 8080}},
		Metadata:  map[string]string{"version": "1.2.3", "zone": "a"},
	}
}

// fill writes services of the registry.
func fill(t *testing.T, client *clientv3.Client, services int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*harness.Patience)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(8)
	for first := 0; first < services; first += bulkTxn / bulkEach {
		var ops []clientv3.Op
		for s := first; s < min(first+bulkTxn/bulkEach, services); s++ {
			for i := range bulkEach {
				in := bulk(s, i)
				ops = append(ops, clientv3.OpPut(in.Key(), in.Value()))
			}
		}
		g.Go(func() error {
			_, err := client.Txn(ctx).Then(ops...).Commit()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// probes are what a few services of the registry, the first and the last among
// them, have to answer.
func probes(services int) []harness.Expectation {
	var some []harness.Instance
	for _, s := range []int{0, services / 2, services - 1} {
		for i := range bulkEach {
			some = append(some, bulk(s, i))
		}
	}
	return harness.Answers(zone, some)
}

// keptSince waits until a snapshot was written after a time.
func (r *rig) keptSince(t *testing.T, then time.Time) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "a snapshot", func() error {
		at := r.dns.Metrics(t).Sum("coredns_roster_snapshot_timestamp_seconds")
		return harness.True(at > float64(then.UnixNano())/1e9)
	})
}

// TestSnapshot restarts and reloads a DNS server with 100,000 instances while
// etcd is away: it answers from the snapshot within a second, and what has
// changed is put right when etcd is back. Of three starts the quickest counts.
func TestSnapshot(t *testing.T) {
	const keep = "snapshot {{dir}}/snapshot"
	r := newRig(t, options{leaseTTL: time.Hour, properties: func(*harness.Etcd) []string { return []string{keep} }})
	fill(t, r.etcd.Client(), bulkServices)
	expected := probes(bulkServices)
	r.eventuallyMatches(t, harness.Patience, "the large registry in DNS", expected)
	r.stopTraffic(t)

	left := time.Now()
	r.etcd.Kill(t)
	r.waitState(t, staleBound, "stale")
	r.keptSince(t, left.Add(staleBound/2)) // the one that the change of state has written, of all
	serial := r.serial(t)
	stable := harness.Answers(zone, r.stable)
	all := append(expected, stable...)
	for name, end := range map[string]func(){
		"TERM": func() { r.dns.Stop(t) },
		"KILL": func() { r.dns.Kill() },
	} {
		var took []time.Duration
		repeat(t, 3, func() {
			end()
			start := time.Now()
			r.dns.Launch(t, corefile(r.etcd.Endpoints, keep))
			r.eventuallyMatches(t, harness.Patience, "answers from the snapshot", expected[:1])
			took = append(took, time.Since(start))
			r.eventuallyMatches(t, harness.Patience, "all answers from the snapshot", all)
			r.dns.WaitReady(t)
			r.checkState(t, "stale")
			if now := r.serial(t); !notBefore(now, serial) {
				t.Errorf("after %s serial %d, before %d", name, now, serial)
			}
		})
		slices.Sort(took)
		t.Logf("%d starts after %s, with etcd away and %d instances: right answer after %v to %v", len(took), name, bulkServices*bulkEach, took[0], took[len(took)-1])
		harness.Within(t, "the first answer from the snapshot", took[0], startBound)
	}

	traffic := harness.StartTraffic(t, r.dns.Addrs(t), all)
	repeat(t, 1, func() {
		for _, properties := range [][]string{{keep, "max_ttl 60"}, {keep, "protect 50 1m"}, {keep}} {
			r.dns.Reload(t, corefile(r.etcd.Endpoints, properties...))
			if now := r.serial(t); !notBefore(now, serial) {
				t.Errorf("after a reload serial %d, before %d", now, serial)
			}
			r.checkState(t, "stale")
		}
	})
	r.etcd.Restart(t)
	live := r.waitState(t, liveBound, "live")
	gone, fresh := bulk(1, 0), changing("after", 2)
	r.put(t, fresh)
	r.remove(t, gone)
	shown := harness.Eventually(t, equalBound, "the changes", func() error {
		m := r.dns.Ask(t, gone.ID+"."+gone.Service+".bulk."+zone, dns.TypeA)
		if m.Rcode != dns.RcodeNameError {
			return fmt.Errorf("the deleted instance is answered %s", dns.RcodeToString[m.Rcode])
		}
		return harness.Matches(t.Context(), r.dns.Addrs(t), harness.Answers(zone, []harness.Instance{fresh}))
	})
	t.Logf("live %v after etcd's return, changes shown after %v more", live, shown)
	if now := r.serial(t); !notBefore(now, serial) {
		t.Errorf("after etcd's return serial %d, before %d", now, serial)
	}
	traffic.Stop().CheckReloaded(t)
	r.registrations.Stop(t).Check(t)
}

// TestSnapshotOfNoUse: what is torn, of another registry, or too old is ignored
// with one line, and nothing is answered from it.
func TestSnapshotOfNoUse(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	fill(t, e.Client(), 10)
	c := harness.StartCoreDNS(t, corefile(e.Endpoints, "snapshot {{dir}}/snapshot"))
	path := filepath.Join(c.Dir(), "snapshot")
	if code := c.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e.Kill(t)
	for name, test := range map[string]struct {
		contents   []byte
		properties []string
		want       string
	}{
		"torn":    {whole[:len(whole)/2], nil, "not a whole snapshot"},
		"foreign": {whole, []string{"prefix /other"}, "belongs to another registry"},
		"too old": {whole, []string{"snapshot_max_age 1ms"}, "too old"},
	} {
		if err := os.WriteFile(path, test.contents, 0o600); err != nil {
			t.Fatal(err)
		}
		c.Launch(t, corefile(e.Endpoints, append(test.properties, "startup_timeout 0s", "snapshot {{dir}}/snapshot")...))
		c.WaitServing(t)
		if m := c.Ask(t, "s00000.bulk."+zone, dns.TypeA); m.Rcode != dns.RcodeServerFailure {
			t.Errorf("%s: answered %s", name, dns.RcodeToString[m.Rcode])
		}
		// The file is read beside the start, which doesn't wait for the disk.
		harness.Eventually(t, harness.Patience, name+" being logged", func() error {
			lines := harness.Lines(c.Output(), "starting without the snapshot")
			if len(lines) != 1 || !strings.Contains(lines[0], test.want) {
				return fmt.Errorf("logged %q, want one line with %q", lines, test.want)
			}
			return nil
		})
		c.Stop(t)
	}
}
