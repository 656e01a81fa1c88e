package roster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// away returns the configuration of a registry whose etcd is not there.
func away(t *testing.T, path string, namespaces ...string) *registryConfig {
	t.Helper()
	return &registryConfig{
		etcd: etcdclient.Config{Endpoints: []string{"http://" + freeAddress(t)}}, prefix: "/roster", namespaces: namespaces,
		retention: retention{snapshot: path, file: path, maxAge: time.Hour},
	}
}

// opened opens the replica of a registry, in no pool, and waits for its snapshot to
// be read.
func opened(t *testing.T, c *registryConfig) *shared {
	t.Helper()
	m, err := newPool(logger).acquire(c, successions{})
	if err != nil {
		t.Fatal(err)
	}
	<-m.Loaded()
	return m
}

// started is opened until the test is over.
func started(t *testing.T, c *registryConfig) *shared {
	t.Helper()
	m := opened(t, c)
	t.Cleanup(func() { end(t, m) })
	return m
}

// write writes a snapshot of the shop.
func writeShop(t *testing.T, path string, change func(*snapshot.Header)) {
	t.Helper()
	gen := storeOf(t, shop).Load()
	h := snapshot.Header{
		Root: "/roster/", Serial: 100, Offset: 58, Revision: 42,
		Ranges: []snapshot.Range{{Prefix: "/roster/", Revision: 42, Contact: time.Now().Add(-time.Minute)}},
	}
	change(&h)
	if _, err := snapshot.Write(path, h, gen.Entries()); err != nil {
		t.Fatal(err)
	}
}

// TestSnapshot starts from a snapshot while etcd is away: all is as it was.
func TestSnapshot(t *testing.T) {
	log := logged(t)
	path := filepath.Join(t.TempDir(), "snapshot")
	writeShop(t, path, func(*snapshot.Header) {})
	m := started(t, away(t, path))
	var want, got []string
	for e := range storeOf(t, shop).Load().Entries() {
		want = append(want, fmt.Sprintf("%s=%s", e.Key, e.Value))
	}
	for e := range m.Load().Entries() {
		got = append(got, fmt.Sprintf("%s=%s", e.Key, e.Value))
	}
	if !slices.Equal(got, want) {
		t.Errorf("restored %d entries, want %d", len(got), len(want))
	}
	if s := m.Status(); s.State != mirror.Stale || time.Since(s.Contact) < time.Minute {
		t.Errorf("status %+v, want stale, a minute after the contact", s)
	}
	if m.Load().Revision() != 42 || m.Load().Serial() != 100 {
		t.Errorf("revision %d and serial %d, want 42 and 100", m.Load().Revision(), m.Load().Serial())
	}
	if len(lines(log, "answering from the snapshot", path, "instances=22", "revision=42")) != 1 {
		t.Errorf("logged %s", log)
	}
}

// TestSnapshotOfNamespaces has a range for each, all of which must be those of
// the configuration.
func TestSnapshotOfNamespaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	writeShop(t, path, func(h *snapshot.Header) {
		contact := time.Now()
		h.Ranges = []snapshot.Range{{Prefix: "/roster/default/", Revision: 41, Contact: contact}, {Prefix: "/roster/other/", Revision: 42, Contact: contact}}
	})
	m := started(t, away(t, path, "default", "other"))
	if m.Status().State != mirror.Stale || m.Load().Instances() == 0 {
		t.Errorf("status %+v with %d instances", m.Status(), m.Load().Instances())
	}
	if m := started(t, away(t, path, "default", "others")); m.Status().State != mirror.Unsynced {
		t.Error("a snapshot of other namespaces was used")
	}
}

// TestSnapshotWritten keeps what changes, and the last of it at the end.
func TestSnapshotWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	writeShop(t, path, func(*snapshot.Header) {})
	m := opened(t, away(t, path))
	add(m, 43)
	serial := m.Load().FullSerial()
	end(t, m)
	again := started(t, away(t, path))
	if s := again.Load().Service("default", "new"); s == nil || again.Load().FullSerial() != serial {
		t.Errorf("after the end the snapshot has %v and serial %d, want %d", s, again.Load().FullSerial(), serial)
	}
}

// TestPredecessor: a registry of which a new replica is opened, since a reload has changed
// how, goes on with its serial.
func TestPredecessor(t *testing.T) {
	p := newPool(logger)
	first := away(t, "")
	old := acquired(t, p, first)
	defer p.release(t.Context(), first)
	apply(old.Store(), 500)
	commit(old.Store(), mirror.Commit{Revision: 20, Regressed: true})
	second := *first
	second.retention.protect = 30
	next := acquired(t, p, &second)
	defer p.release(t.Context(), &second)
	if next == old {
		t.Fatal("the replica was not opened anew")
	}
	apply(next.Store(), 21)
	if got := next.Load().Serial(); got != 502 {
		t.Errorf("serial %d after 501 at revision 20, want 502 at 21", got)
	}
}

// TestOutdated: after the time that stale states all but the status is SERVFAIL,
// and nothing falls through.
func TestOutdated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		contact, state := time.Now(), mirror.Live
		r := servingRegistry(t, "roster {\n stale 1m\n fallthrough\n}", &fakeReplica{storeOf(t, shop), func() mirror.Status {
			return mirror.Status{State: state, Contact: contact}
		}})
		r.Next = plugin.HandlerFunc(func(_ context.Context, w dns.ResponseWriter, req *dns.Msg) (int, error) {
			return dns.RcodeSuccess, w.WriteMsg(new(dns.Msg).SetRcode(req, dns.RcodeNotAuth))
		})
		answers := func(want int) {
			t.Helper()
			for question, usual := range map[string]int{
				"orders.default.svc.internal. A": dns.RcodeSuccess, "svc.internal. SOA": dns.RcodeSuccess,
				"no.default.svc.internal. A": dns.RcodeNotAuth, // falls through
			} {
				expected := want
				if want == dns.RcodeSuccess {
					expected = usual
				}
				if got := ask(t, r, query(question), false); got.Rcode != expected {
					t.Errorf("%s %s: %s, want %s", state, question, dns.RcodeToString[got.Rcode], dns.RcodeToString[expected])
				}
			}
			if got := ask(t, r, query("_status.svc.internal. TXT"), false); got.Rcode != dns.RcodeSuccess {
				t.Errorf("%s: the status is %s", state, dns.RcodeToString[got.Rcode])
			}
		}
		time.Sleep(time.Hour)
		answers(dns.RcodeSuccess) // live is live
		contact, state = time.Now(), mirror.Stale
		time.Sleep(time.Minute)
		answers(dns.RcodeSuccess)
		time.Sleep(time.Nanosecond)
		answers(dns.RcodeServerFailure)
		if !r.Ready() {
			t.Error("not ready")
		}
		contact, state = time.Now(), mirror.Live
		answers(dns.RcodeSuccess)
	})
}

func TestParseKeeping(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "snapshot")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for block, want := range map[string]retention{
		"roster":                              {},
		"roster {\n snapshot " + path + "\n}": {snapshot: path, file: path, maxAge: 24 * time.Hour},
		"roster {\n snapshot_max_age 90m\n snapshot " + path + "\n}": {snapshot: path, file: path, maxAge: 90 * time.Minute},
		"roster {\n protect 30\n}":                                   {protect: 30, protectFor: 10 * time.Minute},
		"roster {\n protect 5% 1h\n}":                                {protect: 5, protectFor: time.Hour},
	} {
		cfg, err := parseBlock(block)
		if err != nil || cfg.registry.retention != want {
			t.Errorf("%q: %+v, %v, want %+v", block, cfg.registry.retention, err, want)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("parsing left %v, %v", files, err)
	}
	for block, want := range map[string]string{
		"roster {\n snapshot\n}":                                     "2 - Error during parsing: snapshot: needs the path of a file, and nothing else",
		"roster {\n snapshot " + dir + "\n}":                         fmt.Sprintf("2 - Error during parsing: snapshot: %q is not a file", dir),
		"roster {\n snapshot " + dir + "/none/x\n}":                  "no such file or directory: create it",
		"roster {\n snapshot " + file + "/x\n}":                      fmt.Sprintf("2 - Error during parsing: snapshot: %q is not a folder", file),
		"roster {\n snapshot " + file + "/x/y\n}":                    "not a directory: create it",
		"roster {\n ttl 5\n snapshot_max_age 1h\n}":                  "3 - Error during parsing: snapshot_max_age: needs the property snapshot",
		"roster {\n snapshot " + path + "\n snapshot_max_age -1h\n}": `3 - Error during parsing: snapshot_max_age: "-1h" is not a duration such as 10m`,
		"roster {\n stale 0\n}":                                      `2 - Error during parsing: stale: "0" is not a duration such as 10m`,
		"roster {\n stale forever\n}":                                `2 - Error during parsing: stale: "forever" is not a duration such as 10m`,
		"roster {\n protect\n}":                                      "2 - Error during parsing: protect: needs a percentage from 1 to 99, and may have a duration, as in 33 10m",
		"roster {\n protect 0\n}":                                    `2 - Error during parsing: protect: "0" is not a percentage from 1 to 99`,
		"roster {\n protect 100%\n}":                                 `2 - Error during parsing: protect: "100%" is not a percentage from 1 to 99`,
		"roster {\n protect 10 0s\n}":                                `2 - Error during parsing: protect: "0s" is not a duration such as 10m`,
		"roster {\n protect 10 1h 2h\n}":                             "2 - Error during parsing: protect: needs a percentage from 1 to 99, and may have a duration, as in 33 10m",
	} {
		if _, err := parseBlock(block); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", block, err, want)
		}
	}
}

// TestBlocksAtOdds: blocks that share a replica agree on how it is kept, and
// registries don't share a file, however its path is written.
func TestBlocksAtOdds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "real"), 0o700), os.Symlink("real", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	block := func(zone string, properties ...string) string {
		return zone + ":0 {\n bind 127.0.0.1\n roster {\n  " + strings.Join(properties, "\n  ") + "\n }\n}\n"
	}
	a, b := "snapshot "+dir+"/real/x", "snapshot "+dir+"/link/../link/x"
	for corefile, want := range map[string]string{
		block("a.internal", "protect 30") + block("b.internal"):                     "Corefile.test:9 - Error during parsing: protect: differs from Corefile.test:4",
		block("a.internal", "protect 30 1m") + block("b.internal", "protect 30 2m"): "Corefile.test:10 - Error during parsing: protect: differs",
		block("a.internal", a) + block("b.internal"):                                "snapshot: differs from Corefile.test:4",
		block("a.internal", a, "snapshot_max_age 1h") + block("b.internal", a):      "snapshot_max_age: differs from Corefile.test:5",
		block("a.internal", a) + block("b.internal", "prefix /other", b):            "snapshot: \"" + dir + "/link/x\" is already used by another registry at Corefile.test:4",
		block("a.internal", a) + block("b.internal", "namespaces n", a):             "is already used by another registry",
	} {
		_, err := caddy.Start(caddy.CaddyfileInput{Filepath: "Corefile.test", ServerTypeName: "dns", Contents: []byte(corefile)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", corefile, err, want)
		}
	}
}
