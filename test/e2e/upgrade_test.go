package e2e_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// maxAge is a snapshot_max_age that the file of TestUpgradeWithoutEtcd, of 2020,
// fits in.
const maxAge = "876000h"

// oldSnapshot is a copy of testdata/snapshot-v1, a file that the version before
// wrote.
func oldSnapshot(t *testing.T) string {
	t.Helper()
	contents, err := os.ReadFile(filepath.Join("testdata", "snapshot-v1"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "snapshot")
	if err := os.WriteFile(path, contents, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUpgradeWithoutEtcd starts a server on a snapshot of the version before
// while etcd is away: it answers from it.
func TestUpgradeWithoutEtcd(t *testing.T) {
	t.Parallel()
	e := harness.NewEtcd(t, harness.EtcdOptions{})
	c := harness.StartCoreDNS(t, corefile(e, "snapshot "+oldSnapshot(t), "snapshot_max_age "+maxAge))
	s := &system{dns: c}
	if err := s.sees(t, "orders", "a", "b")(); err != nil { // c is draining
		t.Error(err)
	}
	for name, want := range map[string]string{
		"a.orders.default." + zone: "NOERROR answer a.orders.default." + zone + " IN A 10.0.0.1",
		"c.orders.default." + zone: "NOERROR answer c.orders.default." + zone + " IN A 10.0.0.3",
		"d.orders.default." + zone: "NXDOMAIN SOA " + zone,
		"main.db.prod." + zone:     "NOERROR answer main.db.prod." + zone + " IN CNAME db.example.com.",
	} {
		if got := harness.Render(c.Ask(t, name, dns.TypeA)); got != want {
			t.Errorf("%s: answered %q, want %q", name, got, want)
		}
	}
	status, err := harness.MirrorStatus(t.Context(), c.Addr(t), zone)
	if err != nil || status["state"] != "stale" || status["revision"] != "6" || status["serial"] != "6" || status["instances"] != "4" {
		t.Errorf("_status is %v, %v", status, err)
	}
}
