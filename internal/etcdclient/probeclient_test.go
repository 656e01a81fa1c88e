package etcdclient

import (
	"context"
	"errors"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func useProbeClient(t *testing.T, c *Conn) (*clientv3.Client, func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	client, done, err := c.ProbeClient(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Get(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	return client, done
}

// age makes the last probe client look as old as it is no more given out.
func age(c *Conn) {
	c.probes.mu.Lock()
	defer c.probes.mu.Unlock()
	c.probes.last.made = c.probes.last.made.Add(-2 * probeClientLife)
}

func closed(client *clientv3.Client) bool { return client.Ctx().Err() != nil }

// TestProbeClient: who asks within a second shares a client, with connections that are
// not those of the others; nobody's is closed before it is given back.
func TestProbeClient(t *testing.T) {
	t.Parallel()
	f := &fakeEtcd{users: map[string]string{"u": "p"}}
	c := connect(t, Config{Endpoints: []string{"http://" + f.serve(t)}, Username: "u", Password: "p"})
	usual := read(t, c)
	a, giveA := useProbeClient(t, c)
	b, giveB := useProbeClient(t, c)
	if a == usual || a != b {
		t.Errorf("clients %p and %p beside %p, want one that is another", a, b, usual)
	}
	age(c)
	next, giveNext := useProbeClient(t, c)
	if next == a || closed(a) {
		t.Errorf("after its time %p was given out again, or closed in use (%v)", next, closed(a))
	}
	giveA()
	if closed(a) {
		t.Error("closed in use")
	}
	giveB()
	if !closed(a) {
		t.Error("not closed after its last user")
	}
	giveNext()
	for !closed(next) { // at the end of its life
		select {
		case <-next.Ctx().Done():
		case <-time.After(deadline):
			t.Fatal("not closed when its time was over")
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lastUser != "u" || len(f.logins) < 3 {
		t.Errorf("read as %q after %d log-ins", f.lastUser, len(f.logins))
	}
}

// TestProbeClientAndClose: Close ends what is not in use, and all that comes later.
func TestProbeClientAndClose(t *testing.T) {
	t.Parallel()
	f := &fakeEtcd{}
	c, err := New(Config{Endpoints: []string{"http://" + f.serve(t)}})
	if err != nil {
		t.Fatal(err)
	}
	used, give := useProbeClient(t, c)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := c.ProbeClient(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
	give()
	if !closed(used) {
		t.Error("a client outlives Close and its users")
	}
}
