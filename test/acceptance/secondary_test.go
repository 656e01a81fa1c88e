//go:build acceptance

package acceptance_test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// The configurations of secondaries, for a folder, a port of their own and the
// primary's port.
const (
	nsdConfig = `
server:
	ip-address: 127.0.0.1@%[2]d
	server-count: 1
	username: ""
	chroot: ""
	pidfile: ""
	verbosity: 2
	zonesdir: "%[1]s"
	database: ""
	zonelistfile: "%[1]s/zone.list"
	xfrdfile: "%[1]s/xfrd.state"
	xfrdir: "%[1]s"
remote-control:
	control-enable: no
zone:
	name: svc.internal
	zonefile: svc.internal.zone
	allow-notify: 127.0.0.1 NOKEY
	request-xfr: 127.0.0.1@%[3]d NOKEY
	provide-xfr: 127.0.0.1 NOKEY
`
	knotConfig = `
server:
    rundir: "%[1]s"
    listen: 127.0.0.1@%[2]d
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stdout
    any: info
database:
    storage: "%[1]s"
remote:
  - id: primary
    address: 127.0.0.1@%[3]d
acl:
  - id: local
    address: 127.0.0.1
    action: [notify, transfer]
zone:
  - domain: svc.internal
    storage: "%[1]s"
    master: primary
    acl: local
`
)

// secondary is a name server that has the zone from the primary.
type secondary struct {
	name, config string
	args         func(config string) []string
	// kinds reads in its log how many transfers were whole, and how many incremental.
	kinds func(log string) (whole, incremental int)
}

var secondaries = []secondary{
	{
		name: "nsd", config: nsdConfig, kinds: nsdKinds,
		args: func(config string) []string { return []string{"-d", "-c", config} },
	},
	{
		name: "knotd", config: knotConfig, kinds: knotKinds,
		args: func(config string) []string { return []string{"-c", config} },
	},
}

var (
	nsdTransfer  = regexp.MustCompile(`received update to serial .* of ([0-9]+) bytes`)
	knotTransfer = regexp.MustCompile(`([AI]XFR), incoming, remote [^,]*, started`)
)

// nsdKinds tells by the size: NSD doesn't say. The first transfer is whole, and one that has
// less than half of its octets isn't.
func nsdKinds(log string) (whole, incremental int) {
	var first int
	for _, found := range nsdTransfer.FindAllStringSubmatch(log, -1) {
		size, err := strconv.Atoi(found[1])
		if err != nil {
			panic(err) // of digits
		}
		first = cmp.Or(first, size)
		if size < first/2 {
			incremental++
		} else {
			whole++
		}
	}
	return whole, incremental
}

func knotKinds(log string) (whole, incremental int) {
	for _, found := range knotTransfer.FindAllStringSubmatch(log, -1) {
		if found[1] == "IXFR" {
			incremental++
		} else {
			whole++
		}
	}
	return whole, incremental
}

// start starts the secondary, and waits until it has the primary's zone.
func (s secondary) start(t *testing.T, p *primary) *harness.Process {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "config")
	text := fmt.Sprintf(s.config, dir, p.Port(t, "secondary"), p.Port(t, "dns"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	process := harness.Start(t, harness.Command{Name: s.name, Path: s.name, Args: s.args(file), Dir: dir})
	took := s.awaitEqual(t, p)
	t.Logf("%s had the zone after %v", s.name, took.Round(time.Millisecond))
	return process
}

// notifyWithin is how long a change may take to a secondary: NOTIFY, a transfer, and in
// NSD a reload at most once a second. It is far less than the refresh of the SOA record.
const notifyWithin = 8 * time.Second

// awaitEqual waits until the secondary has the primary's serial.
func (s secondary) awaitEqual(t *testing.T, p *primary) time.Duration {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", p.Port(t, "secondary"))
	return harness.Eventually(t, notifyWithin, s.name+" with the primary's serial", func() error {
		want, err := serial(t.Context(), p.Addr(t))
		if err != nil {
			return err
		}
		got, err := serial(t.Context(), addr)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("serial %d, the primary's is %d", got, want)
		}
		return nil
	})
}

// compare has ldns-compare-zones find both copies of the zone equal, serials
// included.
func (s secondary) compare(t *testing.T, p *primary) {
	t.Helper()
	files := make([]string, 0, 2)
	for _, port := range []int{p.Port(t, "dns"), p.Port(t, "secondary")} {
		// Not all types are known to ldns.
		files = append(files, writeZone(t, digTransfer(t, port, "AXFR", "+onesoa", "+unknownformat")))
	}
	out, err := exec.Command("ldns-compare-zones", append([]string{"-e", "-s", "-a"}, files...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ldns-compare-zones: %v\n%s", err, out)
	}
	t.Logf("ldns-compare-zones: %s", strings.TrimSpace(string(out)))
}

// TestSecondaries has other name servers hold a copy of the zone: whole at first, after
// one change by NOTIFY and IXFR, and after a thousand at random.
func TestSecondaries(t *testing.T) {
	t.Parallel()
	const changes = 1000
	need(t, "dig", "named-checkzone", "ldns-compare-zones", "nsd", "knotd")
	for _, s := range secondaries {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := startPrimary(t, everyKind())
			process := s.start(t, p)
			s.compare(t, p)

			p.awaitRevision(t, p.put(t, "default/plain/c", weighed(9, 9)))
			took := s.awaitEqual(t, p)
			whole, incremental := s.kinds(process.Output())
			t.Logf("%s had one change after %v; %d whole transfers, %d incremental", s.name, took.Round(time.Millisecond), whole, incremental)
			if whole != 1 || incremental != 1 {
				t.Errorf("%d whole and %d incremental transfers, want one each", whole, incremental)
			}
			s.compare(t, p)

			p.awaitRevision(t, p.changeAtRandom(t, changes))
			took = s.awaitEqual(t, p)
			whole, incremental = s.kinds(process.Output())
			t.Logf("%s had %d changes %v after the last; %d whole transfers, %d incremental", s.name, changes, took.Round(time.Millisecond), whole, incremental)
			s.compare(t, p)
			checkZone(t, digTransfer(t, p.Port(t, "secondary"), "AXFR", "+onesoa"))
		})
	}
}
