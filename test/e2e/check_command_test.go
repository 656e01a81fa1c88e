package e2e_test

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/harness"
)

// database is a server that a test opens and closes, on one address.
type database struct {
	address  string
	listener net.Listener
	accepted atomic.Int64
}

func newDatabase(t *testing.T) *database {
	t.Helper()
	d := &database{address: "127.0.0.1:0"}
	d.open(t)
	d.address = d.listener.Addr().String()
	t.Cleanup(func() { d.listener.Close() })
	return d
}

func (d *database) open(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", d.address)
	if err != nil {
		t.Fatal(err)
	}
	d.listener = l
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			d.accepted.Add(1)
			conn.Close()
		}
	}()
}

// register registers the database as a static instance.
func (d *database) register(t *testing.T, e *harness.Etcd, id string) {
	t.Helper()
	_, port, err := net.SplitHostPort(d.address)
	if err != nil {
		t.Fatal(err)
	}
	p := harness.Registrar(t, "register", "db", "--static", "--id", id, "--address", "127.0.0.1", "--port", "sql:"+port, "--endpoints", e.Endpoints[0])
	if code := p.Wait(t, harness.Patience); code != 0 {
		t.Fatal(p.Output())
	}
}

func checkDB(t *testing.T, e *harness.Etcd) *harness.Process {
	t.Helper()
	return harness.Registrar(t, "check", "db", "--check", "tcp://:sql", "--check-interval", "50ms", "--check-timeout", "10s", "--lease", lease.String(), "--endpoints", e.Endpoints[0])
}

// TestCheckKeepsStatus shows the status of a static instance follow its check, beside an
// operator's override, and that nothing is written without a change.
func TestCheckKeepsStatus(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	db := newDatabase(t)
	db.register(t, e, "a")
	p := checkDB(t, e)
	p.WaitOutput(t, harness.Patience, "checking default/db\n", 1)
	db.listener.Close()
	awaitStored(t, e, "db", "a", catalog.StatusDown)

	// It is registered once more: that is no reason to serve it.
	db.register(t, e, "a")
	p.WaitOutput(t, harness.Patience, "default/db/a is down: ", 2)
	awaitStored(t, e, "db", "a", catalog.StatusDown)

	// An operator's word counts beside the check's.
	client := openClient(t, registrar.WithEndpoints(e.Endpoints...))
	defer client.Close()
	target := &registrar.Service{Name: "db", Instances: []registrar.Instance{{ID: "a"}}}
	if err := client.Drain(t.Context(), target, "repair"); err != nil {
		t.Fatal(err)
	}
	db.open(t)
	awaitStored(t, e, "db", "a", catalog.StatusUp)
	override, err := e.Client().Get(t.Context(), catalog.StatusKey(catalog.DefaultPrefix, "default", "db", "a"))
	if err != nil || len(override.Kvs) != 1 || override.Kvs[0].Version != 1 {
		t.Errorf("the override is %v, %v: want it as it was written", override, err)
	}

	// Checks that find nothing new write nothing.
	before, from := override.Header.Revision, db.accepted.Load()
	harness.Eventually(t, harness.Patience, "ten checks", func() error { return harness.True(db.accepted.Load() >= from+10) })
	if resp, err := e.Client().Get(t.Context(), "x"); err != nil || resp.Header.Revision != before {
		t.Errorf("the revision went from %d to %v, %v", before, resp.Header.Revision, err)
	}

	// What comes later is checked too.
	db2 := newDatabase(t)
	db2.listener.Close()
	db2.register(t, e, "b")
	awaitStored(t, e, "db", "b", catalog.StatusDown)
	if code := p.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestCheckTakesOver shows that one of two processes acts, that the other one takes over
// after a kill, a pause and an end, and that one which wakes up does not act on what it
// had.
func TestCheckTakesOver(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	db := newDatabase(t)
	db.register(t, e, "a")
	const acts, waits = "checking default/db\n", "another process checks default/db: waiting to take over\n"
	first := checkDB(t, e)
	first.WaitOutput(t, harness.Patience, acts, 1)
	second := checkDB(t, e)
	second.WaitOutput(t, harness.Patience, waits, 1)
	first.Kill()
	second.WaitOutput(t, expiryBound+harness.Patience, acts, 1)
	db.listener.Close()
	awaitStored(t, e, "db", "a", catalog.StatusDown)

	third := checkDB(t, e)
	third.WaitOutput(t, harness.Patience, waits, 1)
	second.Pause(t)
	third.WaitOutput(t, expiryBound+harness.Patience, acts, 1)
	db.open(t)
	awaitStored(t, e, "db", "a", catalog.StatusUp)
	second.Continue(t)
	second.WaitOutput(t, harness.Patience, "lost the lock for checking default/db: another process may check it now", 1)
	second.WaitOutput(t, harness.Patience, waits, 2)

	if code := third.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	second.WaitOutput(t, harness.Patience, acts, 2)
	if strings.Contains(second.Output(), "default/db/a is up") {
		t.Errorf("the one that lost the lock wrote what the other had written:\n%s", second.Output())
	}
}
