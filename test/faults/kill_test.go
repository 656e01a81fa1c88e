package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/harness"
)

const (
	// kills is how often the server is killed, at least.
	kills = 100
	// killWithin is the longest time from when a server is ready to its end: the
	// first snapshot of its life is written then.
	killWithin = 150 * time.Millisecond
	// writeShows is how often a test looks whether a snapshot is being written,
	// which takes a few milliseconds.
	writeShows = time.Millisecond
	// keptWithin is how much older than its file what a snapshot holds can be: the
	// time that a change takes to the mirror, that of the write, and what a busy
	// machine adds.
	keptWithin = 5 * time.Second
	// countEvery is the pause between two changes.
	countEvery = 5 * time.Millisecond
)

// portsPerPriority is how many numbers a counter has in each priority.
const portsPerPriority = 50_000

// counter is an instance whose priority and port are a number that rises with
// each write.
func counter(n int) harness.Instance {
	in := changing("counter", 1+n%portsPerPriority)
	in.Service, in.Priority = "counters", n/portsPerPriority
	return in
}

// counting writes the counter over and over, and remembers when.
type counting struct {
	mu      sync.Mutex
	sent    int // the last number that was sent to etcd
	written []time.Time
}

func (c *counting) run(ctx context.Context, client *clientv3.Client) error {
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		c.mu.Lock()
		c.sent = n
		c.mu.Unlock()
		in := counter(n)
		for {
			// A stopped etcd answers late.
			_, err := in.Put(ctx, client, 0)
			if ctx.Err() != nil {
				return nil //nolint:nilerr // it is the test that ends
			}
			if err == nil {
				break
			}
		}
		c.mu.Lock()
		c.written = append(c.written, time.Now())
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// now returns the last number that was sent, and the last that etcd has
// acknowledged.
func (c *counting) now() (sent, written int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent, len(c.written)
}

// before returns the last number that etcd had acknowledged at a time.
func (c *counting) before(then time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.written)
	for n > 0 && c.written[n-1].After(then) {
		n--
	}
	return n
}

// counted is what DNS shows of the counter.
func counted(t *testing.T, c *harness.CoreDNS) (int, error) {
	t.Helper()
	in := counter(0)
	m, err := harness.Ask(t.Context(), c.Addr(t), harness.Question{
		Name: in.ID + "." + in.Service + "." + in.Namespace + "." + zone, Type: dns.TypeSRV, Size: harness.DefaultSize,
	})
	if err != nil {
		return 0, err
	}
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 {
		return 0, fmt.Errorf("answered %s", harness.Render(m))
	}
	srv := m.Answer[0].(*dns.SRV)
	return int(srv.Priority)*portsPerPriority + int(srv.Port) - 1, nil
}

// killing is a server with a snapshot that is killed over and over.
type killing struct {
	rig
	config   string
	expected []harness.Expectation // of what nothing changes
	count    *counting
	serial   uint32 // last seen; 0: none
	// half are all files of writes that were interrupted, by name.
	half            map[string]bool
	slowest, oldest time.Duration
}

// TestKilledWhileWriting kills the server over and over while its snapshot is
// written under a stream of changes: it always starts, and what it answers was
// true, and lately; with etcd stopped in every fourth round, so that the
// snapshot is all that it has.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	k := newKilling(t)
	traffic := harness.StartTraffic(t, k.dns.Addrs(t), k.expected)
	registrations := harness.StartRegistrations(t, harness.RegistrationsOptions{
		Options: []registrar.Option{registrar.WithEndpoints(k.etcd.Endpoints...)},
		Flags:   []string{"--endpoints", strings.Join(k.etcd.Endpoints, ",")},
		Etcd:    k.etcd,
	})
	round := 0
	repeat(t, kills, func() { k.round(t, round); round++ })

	if len(k.half) < round/10 {
		t.Errorf("%d of %d kills interrupted a write: not what is tested", len(k.half), round)
	}
	_, written := k.count.now()
	t.Logf("%d kills, %d of them in a write: slowest first answer %v after the start, oldest number from a snapshot alone %v old at the kill; %d changes",
		round, len(k.half), k.slowest, k.oldest, written)
	if err := harness.Matches(t.Context(), k.dns.Addrs(t), k.expected); err != nil {
		t.Errorf("in the end: %v", err)
	}
	traffic.Stop().CheckAnswers(t)
	registrations.Stop(t).Check(t)
}

func newKilling(t *testing.T) *killing {
	t.Helper()
	const services = 2000 // so that a write takes a while
	k := &killing{count: &counting{}, expected: probes(services), half: map[string]bool{}}
	k.etcd = harness.StartEtcd(t, harness.EtcdOptions{})
	fill(t, k.etcd.Client(), services)
	k.config = corefile(k.etcd.Endpoints, "snapshot {{dir}}/snapshot")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.count.run(ctx, k.etcd.Client()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	harness.Eventually(t, harness.Patience, "a first number", func() error {
		_, written := k.count.now()
		return harness.True(written > 0)
	})
	k.dns = harness.StartCoreDNS(t, k.config)
	k.keptSince(t, time.Now().Add(-time.Hour))
	return k
}

// round kills the server, in odd rounds while it writes, and starts it again.
func (k *killing) round(t *testing.T, n int) {
	t.Helper()
	if n%2 == 1 {
		k.awaitWrite(t)
	} else {
		harness.Elapse(t, rand.N(killWithin))
	}
	if harness.MirrorState(t, k.dns.Addr(t), zone, "live")() == nil {
		k.serial = k.rig.serial(t)
	}
	alone := n%4 == 3
	if alone {
		k.etcd.Pause(t)
	}
	killed := time.Now()
	k.dns.Kill()
	for _, file := range k.halves(t) {
		k.half[file] = true
	}
	known := k.count.before(k.keptAt(t).Add(-harness.Limit(keptWithin)))
	start := time.Now()
	k.dns.Launch(t, k.config)
	var first int
	harness.Eventually(t, harness.Patience, "a first answer", func() (err error) {
		first, err = counted(t, k.dns)
		return err
	})
	k.slowest = max(k.slowest, time.Since(start))
	if sent, _ := k.count.now(); first > sent || first < known {
		t.Errorf("round %d: first answer %d, want one of %d, known %v before the last snapshot, to %d", n, first, known, harness.Limit(keptWithin), sent)
	}
	if alone {
		k.oldest = max(k.oldest, k.count.age(first, killed))
		if err := harness.Matches(t.Context(), k.dns.Addrs(t), k.expected); err != nil {
			t.Errorf("round %d, from the snapshot alone: %v", n, err)
		}
		k.etcd.Continue(t)
	}
	k.catchUp(t, n)
}

// catchUp waits until the server shows all that etcd has acknowledged.
func (k *killing) catchUp(t *testing.T, round int) {
	t.Helper()
	_, written := k.count.now()
	harness.Eventually(t, harness.Patience, "the newest number", func() error {
		n, err := counted(t, k.dns)
		if err == nil && n < written {
			err = fmt.Errorf("%d, want %d at least", n, written)
		}
		return err
	})
	// While it lists, it shows changes under the serial of before.
	k.waitState(t, liveBound, "live")
	if now := k.rig.serial(t); k.serial != 0 && !notBefore(now, k.serial) {
		t.Errorf("round %d: serial %d, before the end %d", round, now, k.serial)
	}
}

// halves are the files of snapshots that aren't whole.
func (k *killing) halves(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.dns.Dir(), "snapshot.tmp-*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// awaitWrite waits until a snapshot is being written.
func (k *killing) awaitWrite(t *testing.T) {
	t.Helper()
	old := k.halves(t) // left by processes before
	tick := time.NewTicker(writeShows)
	defer tick.Stop()
	for deadline := time.Now().Add(harness.Patience); time.Now().Before(deadline); <-tick.C {
		if slices.ContainsFunc(k.halves(t), func(file string) bool { return !slices.Contains(old, file) }) {
			return
		}
	}
	t.Fatal("no snapshot is written")
}

// keptAt is when the last whole snapshot was written.
func (k *killing) keptAt(t *testing.T) time.Time {
	t.Helper()
	info, err := os.Stat(filepath.Join(k.dns.Dir(), "snapshot"))
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

// age is how long before a time a number was replaced by the next one.
func (c *counting) age(n int, then time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n >= len(c.written) {
		return 0
	}
	return max(0, then.Sub(c.written[n]))
}
