//go:build acceptance

package acceptance_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/rosterdns/roster/test/harness"
)

// diskMiB is the size of the file system in which these tests run an etcd: small,
// so that it fills within seconds.
const diskMiB = 256

// fullDisk is a coredns whose etcd has its data on a file system of its own, with
// the instance `held` of the service orders, which a registrar keeps registered,
// and with a stream of queries for it.
type fullDisk struct {
	dns      *harness.CoreDNS
	endpoint string
	etcd     *clientv3.Client
	disk     string // folder
	held     *harness.Process
	queries  *queries
}

const fullDiskCorefile = `svc.internal:{{port "dns"}} {
	bind 127.0.0.1
	errors
	ready 127.0.0.1:{{port "ready"}}
	prometheus 127.0.0.1:{{port "metrics"}}
	etcdserver {{dir}}/disk/etcd {
		listen_client http://127.0.0.1:{{port "etcd"}}
	}
	roster {
		endpoint http://127.0.0.1:{{port "etcd"}}
	}
}
`

func newFullDisk(t *testing.T) *fullDisk {
	t.Helper()
	need(t, "mount", "umount")
	c := harness.NewCoreDNS(t)
	d := &fullDisk{dns: c, disk: filepath.Join(c.Dir(), "disk")}
	mountTmpfs(t, d.disk)
	c.Launch(t, fullDiskCorefile)
	c.WaitReady(t)
	d.endpoint = fmt.Sprintf("http://127.0.0.1:%d", c.Port(t, "etcd"))
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{d.endpoint}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	d.etcd = client
	d.held = harness.Registrar(t, "register", "orders", "--endpoints", d.endpoint, "--id", "held",
		"--address", "127.0.0.1", "--port", "http:8080", "--lease", "60s")
	harness.Eventually(t, harness.Patience, "held in DNS", sees(t, d.dns, "held"))
	d.queries = startQueries(t, c.Addr(t), "held.orders.default.svc.internal")
	return d
}

// mountTmpfs makes a folder a file system of its own, which goes with the test.
func mountTmpfs(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	run := func(program string, args ...string) {
		t.Helper()
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			t.Errorf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
		}
	}
	run("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=0700", diskMiB), "roster-test", dir)
	if t.Failed() {
		t.FailNow()
	}
	// Lazily: a process that the test has killed may still be about to close its files.
	t.Cleanup(func() { run("umount", "-l", dir) })
}

// TestDiskFilledByOthers fills the disk with something else than etcd, while
// nobody writes to etcd.
func TestDiskFilledByOthers(t *testing.T) {
	d := newFullDisk(t)
	before := d.write(t, 100)
	ballast := fill(t, d.disk)
	full := time.Now()
	d.awaitLog(t, "is nearly full")
	d.refused(t, "while the disk is full")
	if m := d.dns.Metrics(t); m.Sum("coredns_etcdserver_disk_free_bytes") >= m.Sum("coredns_etcdserver_disk_reserve_bytes") {
		t.Error("the metrics show more free space than the reserve")
	}
	waiting := d.registerWaiting(t, "late")
	d.queries.await(t, full, 10*time.Second)

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	d.awaitRecovery(t)
	waiting.WaitOutput(t, harness.Patience, "registered default/orders/late", 1)
	d.hasAll(t, before)
	d.queries.stop(t)
}

// TestDiskFilledByEtcd registers until etcd refuses it, and makes room as etcd's
// documentation says.
func TestDiskFilledByEtcd(t *testing.T) {
	d := newFullDisk(t)
	written := d.write(t, 100)
	value := strings.Repeat("x", 64<<10)
	var refusal error
	// Not in the registry: what fills the disk isn't to fill DNS.
	for i := range diskMiB << 20 / len(value) {
		if refusal = d.put(t, fmt.Sprintf("/filler/%06d", i), value); refusal != nil {
			t.Logf("refused after %d MiB: %v", i*len(value)>>20, refusal)
			break
		}
	}
	if !errors.Is(refusal, rpctypes.ErrNoSpace) {
		t.Fatalf("got %v, want %v", refusal, rpctypes.ErrNoSpace)
	}
	full := time.Now()
	d.awaitLog(t, "is nearly full")
	harness.Eventually(t, harness.Patience, "the alarm in the metrics", metric(t, d.dns, "coredns_etcdserver_nospace_alarm", 1))
	d.refused(t, "while the disk is full")
	waiting := d.registerWaiting(t, "late")
	d.queries.await(t, full, 10*time.Second)
	if n := d.dns.Metrics(t).Sum("coredns_etcdserver_restarts_total"); n != 0 {
		t.Errorf("etcd was started again %v times, want 0: it must not fail of what it refuses", n)
	}

	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	deleted, err := d.etcd.Delete(ctx, "/filler/", clientv3.WithPrefix())
	if err != nil {
		t.Fatalf("deletions have to go on: %v", err)
	}
	if _, err := d.etcd.Compact(ctx, deleted.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.etcd.Defragment(ctx, d.endpoint); err != nil {
		t.Fatal(err)
	}
	d.awaitRecovery(t)
	waiting.WaitOutput(t, harness.Patience, "registered default/orders/late", 1)
	d.hasAll(t, written)
	d.queries.stop(t)
}

// TestDiskFullKillsEtcd takes all space at once, and makes etcd write: it can't go
// on. DNS does, in the same process, and etcd comes back when there is space.
func TestDiskFullKillsEtcd(t *testing.T) {
	d := newFullDisk(t)
	rounds := []func(ctx context.Context, n int) error{d.growDatabase, d.growLog, d.growDatabase}
	for round, grow := range rounds {
		written := d.write(t, 100)
		ballast := fill(t, d.disk)
		full := time.Now()
		n := 0
		harness.Eventually(t, harness.Patience, "etcd down", func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			n++
			if err := grow(ctx, 100*round+n); err == nil {
				return errors.New("etcd writes")
			}
			return metric(t, d.dns, "coredns_etcdserver_up", 0)()
		})
		d.dns.WaitOutput(t, harness.Patience, `" failed: `, round+1)
		d.queries.await(t, full, 10*time.Second)
		d.refused(t, "while etcd is down")
		if got := d.dns.Metrics(t).Sum("coredns_etcdserver_up"); got != 0 {
			t.Errorf("without space etcd is up: %v", got)
		}

		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		freed := time.Now()
		d.dns.WaitOutput(t, time.Minute, "serves again", round+1)
		t.Logf("round %d: etcd serves %v after there is space", round+1, time.Since(freed).Round(time.Millisecond))
		d.awaitRecovery(t)
		d.hasAll(t, written)
		harness.Eventually(t, harness.Patience, "held in DNS", sees(t, d.dns, "held"))
	}
	if n := d.dns.Metrics(t).Sum("coredns_etcdserver_restarts_total"); n < float64(len(rounds)) {
		t.Errorf("etcd was started again %v times, want %d at least", n, len(rounds))
	}
	d.queries.stop(t)
}

// big is as long as a request can hold, so that a few fill what etcd has in
// reserve within its own files.
var big = strings.Repeat("x", 1<<20)

// growDatabase makes etcd write to its database what it doesn't refuse for want of
// space: a role for access.
func (d *fullDisk) growDatabase(ctx context.Context, n int) error {
	role := fmt.Sprintf("role-%d", n)
	if _, err := d.etcd.RoleAdd(ctx, role); err != nil {
		return err
	}
	_, err := d.etcd.RoleGrantPermission(ctx, role, big, "", clientv3.PermissionType(clientv3.PermRead))
	return err
}

// growLog makes etcd write to its log alone: the deletion of a key that isn't there.
func (d *fullDisk) growLog(ctx context.Context, n int) error { return growLog(ctx, d.etcd, n) }

func growLog(ctx context.Context, etcd *clientv3.Client, n int) error {
	_, err := etcd.Delete(ctx, fmt.Sprintf("%s%d", big, n))
	return err
}

// fill takes all space that a disk has left, and returns the file that has it.
func fill(t *testing.T, disk string) string {
	t.Helper()
	path := filepath.Join(disk, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 512; size /= 2 { // to the last page
		for err = nil; err == nil; _, err = f.Write(make([]byte, size)) {
		}
	}
	return path
}

// put writes a key, with the patience that a busy machine needs.
func (d *fullDisk) put(t *testing.T, key, value string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	_, err := d.etcd.Put(ctx, key, value)
	return err
}

// write writes instances, and returns what etcd has to keep.
func (d *fullDisk) write(t *testing.T, n int) map[string]string {
	t.Helper()
	written := map[string]string{}
	for i := range n {
		key := fmt.Sprintf("/roster/default/kept/i%d", i)
		value := fmt.Sprintf(`{"addresses":["10.0.%d.%d"],"ports":[{"port":8080}],"static":true,"metadata":{"fill":%q}}`,
			i/250, i%250, strings.Repeat("x", 200))
		if err := d.put(t, key, value); err != nil {
			t.Fatal(err)
		}
		written[key] = value
	}
	return written
}

// hasAll checks that etcd has kept these keys.
func (d *fullDisk) hasAll(t *testing.T, written map[string]string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	resp, err := d.etcd.Get(ctx, "/roster/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]string{}
	for _, kv := range resp.Kvs {
		stored[string(kv.Key)] = string(kv.Value)
	}
	for key, value := range written {
		if stored[key] != value {
			t.Errorf("%s is %q, want %q", key, stored[key], value)
		}
	}
}

// refused checks that a registration fails, and says why.
func (d *fullDisk) refused(t *testing.T, when string) {
	t.Helper()
	p := harness.Registrar(t, "register", "orders", "--endpoints", d.endpoint, "--id", "refused",
		"--address", "127.0.0.2", "--port", "8080", "--once", "--timeout", "3s")
	code := p.Wait(t, harness.Patience)
	const unavailable = 4
	if code != unavailable {
		t.Errorf("%s: registrar ends with code %d, want %d", when, code, unavailable)
	}
	t.Logf("%s the registrar says: %s", when, strings.TrimSpace(p.Output()))
}

// registerWaiting starts a registrar that can't register yet.
func (d *fullDisk) registerWaiting(t *testing.T, id string) *harness.Process {
	t.Helper()
	return harness.Registrar(t, "register", "orders", "--endpoints", d.endpoint, "--id", id,
		"--address", "127.0.0.3", "--port", "http:8080", "--lease", "60s")
}

// awaitLog waits for a line of the log.
func (d *fullDisk) awaitLog(t *testing.T, text string) {
	t.Helper()
	d.dns.WaitOutput(t, harness.Patience, text, 1)
}

// awaitRecovery waits until etcd takes registrations again, and shows that it does.
func (d *fullDisk) awaitRecovery(t *testing.T) {
	t.Helper()
	took := harness.Eventually(t, time.Minute, "a registration", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := d.etcd.Put(ctx, "/elsewhere", "x")
		return err
	})
	t.Logf("etcd takes registrations %v after there is space", took.Round(time.Millisecond))
	harness.Eventually(t, harness.Patience, "no alarm", metric(t, d.dns, "coredns_etcdserver_nospace_alarm", 0))
	harness.Eventually(t, harness.Patience, "etcd up", metric(t, d.dns, "coredns_etcdserver_up", 1))
}

// metric is a condition.
func metric(t *testing.T, c *harness.CoreDNS, name string, want float64) func() error {
	t.Helper()
	return func() error {
		if got := c.Metrics(t).Sum(name); got != want {
			return fmt.Errorf("%s is %v, want %v", name, got, want)
		}
		return nil
	}
}

// sees is a condition: the instance of orders has an address in DNS.
func sees(t *testing.T, c *harness.CoreDNS, id string) func() error {
	t.Helper()
	return func() error {
		m := c.Ask(t, id+".orders.default.svc.internal", dns.TypeA)
		return harness.True(m.Rcode == dns.RcodeSuccess && len(m.Answer) == 1)
	}
}
