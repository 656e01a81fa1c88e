package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/harness"
)

// held is an instance that a registrar keeps registered in an etcd of its own,
// by the command.
type held struct {
	*harness.Process
	etcd  *harness.Etcd
	flags []string
}

func hold(t *testing.T, e *harness.Etcd, flags ...string) *held {
	t.Helper()
	h := &held{etcd: e, flags: append([]string{"--endpoints", strings.Join(e.Endpoints, ",")}, flags...)}
	h.Process = h.register(t, "a")
	h.WaitOutput(t, harness.Patience, "registered default/orders/a", 1)
	return h
}

func (h *held) register(t *testing.T, id string, flags ...string) *harness.Process {
	t.Helper()
	args := []string{"register", "orders", "--id", id, "--address", "127.0.0.1", "--port", "http:8080"}
	if !slices.Contains(slices.Concat(h.flags, flags), "--lease") && !slices.Contains(flags, "--static") {
		args = append(args, "--lease", lease.String())
	}
	return harness.Registrar(t, slices.Concat(args, h.flags, flags)...)
}

// key is the instance's key as it is in etcd: its create revision and its lease.
func (h *held) key(t *testing.T, id string) string {
	t.Helper()
	var shown string
	harness.Eventually(t, harness.Patience, "etcd's answer", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		resp, err := h.etcd.Client().Get(ctx, "/roster/default/orders/"+id)
		if err != nil {
			return err
		}
		shown = fmt.Sprintf("%d keys", len(resp.Kvs))
		if len(resp.Kvs) == 1 {
			shown = fmt.Sprintf("created at %d, lease %x", resp.Kvs[0].CreateRevision, resp.Kvs[0].Lease)
		}
		return nil
	})
	return shown
}

// leader is the member of the cluster that leads it.
func leader(t *testing.T, e *harness.Etcd) (found *harness.Member) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "a leader", func() error {
		for _, m := range e.Members {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			resp, err := e.Client().Status(ctx, m.Endpoint())
			cancel()
			if err == nil && resp.Leader == resp.Header.MemberId {
				found = m
				return nil
			}
		}
		return errors.New("no member leads")
	})
	return found
}

// TestRegistrarLeaderKilled kills the leader of three, whichever member the
// registrar is on: its lease and its key stay, and nothing is registered again.
func TestRegistrarLeaderKilled(t *testing.T) {
	t.Parallel()
	h := hold(t, harness.StartEtcd(t, harness.EtcdOptions{Members: 3}))
	before := h.key(t, "a")
	for range 3 {
		m := leader(t, h.etcd)
		m.Kill(t)
		elapse(t, time.Now(), 2*lease+time.Second)
		if now := h.key(t, "a"); now != before {
			t.Errorf("after %s was killed: %s, before: %s", m.Endpoint(), now, before)
		}
		m.Start(t)
		h.etcd.WaitServing(t)
	}
	h.registeredOnce(t)
	if code := h.Stop(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// registeredOnce checks that the registrar has not registered again, and has
// told of each loss of contact in one line, and of each return in one.
func (h *held) registeredOnce(t *testing.T) {
	t.Helper()
	out := h.Output()
	if n := strings.Count(out, "registered default/orders/a"); n != 1 {
		t.Errorf("registered %d times, want once:\n%s", n, out)
	}
	h.contactTold(t)
}

func (h *held) contactTold(t *testing.T) {
	t.Helper()
	told := ""
	for line := range strings.Lines(h.Output()) {
		switch {
		case strings.Contains(line, "lost contact"):
			told += "-"
		case strings.Contains(line, "regained contact"):
			told += "+"
		case !strings.Contains(line, "registered default/orders/a"):
			t.Errorf("it says %q", line)
		}
	}
	if strings.Trim(strings.ReplaceAll(told, "-+", ""), "-") != "" || strings.Contains(told, "--") {
		t.Errorf("losses of contact and returns are told as %q:\n%s", told, h.Output())
	}
}

// TestRegistrarManyRestarts restarts etcd over and over, sometimes before the
// registrar has noticed: it is registered as it was, since etcd keeps leases and
// their keys. A lease outlives the 7 s that etcd gives its clients on TERM.
func TestRegistrarManyRestarts(t *testing.T) {
	t.Parallel()
	h := hold(t, harness.StartEtcd(t, harness.EtcdOptions{}), "--lease", "15s")
	before := h.key(t, "a")
	for i := range 8 {
		if i%4 == 3 {
			h.etcd.Stop(t)
		} else {
			h.etcd.Kill(t)
		}
		h.etcd.Restart(t)
		elapse(t, time.Now(), time.Duration(i%4)*lease/4)
	}
	elapse(t, time.Now(), 15*time.Second)
	if now := h.key(t, "a"); now != before {
		t.Errorf("after the restarts: %s, before: %s", now, before)
	}
	h.registeredOnce(t)
}

// TestRegistrarTokensRunOut gives etcd's tokens of log-ins less time than there
// is between two keepalives, so that each of them meets one that has run out.
func TestRegistrarTokensRunOut(t *testing.T) {
	t.Parallel()
	const long = 9 * time.Second
	e := harness.StartEtcd(t, harness.EtcdOptions{Auth: true, Args: []string{"--auth-token-ttl=1"}})
	h := hold(t, e, "--user", harness.Writer.Name, "--password-file", secret(t, harness.Writer.Password+"\n"), "--lease", long.String())
	before := h.key(t, "a")
	elapse(t, time.Now(), 3*long)
	if now := h.key(t, "a"); now != before {
		t.Errorf("after three leases: %s, before: %s", now, before)
	}
	if n := strings.Count(h.Output(), "\n"); n != 1 {
		t.Errorf("%d lines, want 1:\n%s", n, h.Output())
	}
}

// TestRegistrarSuperseded starts a second registrar with the same ID: the first
// one says so, and has it back when the second one ends.
func TestRegistrarSuperseded(t *testing.T) {
	t.Parallel()
	h := hold(t, harness.StartEtcd(t, harness.EtcdOptions{}))
	second := h.register(t, "a")
	second.WaitOutput(t, harness.Patience, "registered default/orders/a", 1)
	h.WaitOutput(t, harness.Patience, "default/orders/a was superseded", 1)
	theirs := h.key(t, "a")
	elapse(t, time.Now(), lease+time.Second)
	if now := h.key(t, "a"); now != theirs {
		t.Errorf("the key went from %s to %s", theirs, now)
	}
	if code := second.Stop(t); code != 0 {
		t.Errorf("the second: exit code %d, want 0", code)
	}
	h.WaitOutput(t, harness.Patience, "registered default/orders/a again", 1)
	if n := strings.Count(h.Output(), "superseded"); n != 1 {
		t.Errorf("%d lines say superseded, want 1:\n%s", n, h.Output())
	}
	if code := h.Stop(t); code != 0 || !strings.Contains(h.Output(), "unregistered default/orders/a") {
		t.Errorf("exit code %d, wrote:\n%s", code, h.Output())
	}
	if now := h.key(t, "a"); now != "0 keys" {
		t.Errorf("after both have ended: %s", now)
	}
}

// TestRegistrarWithoutSpace fills etcd's quota: what is registered stays, what is
// new is accepted and says what it waits for, and all is registered once the
// operator has made room.
func TestRegistrarWithoutSpace(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{Args: []string{fmt.Sprintf("--quota-backend-bytes=%d", 4<<20)}})
	h := hold(t, e)
	before := h.key(t, "a")
	reg := openClient(t, registrar.WithEndpoints(e.Endpoints...), registrar.WithLeaseTTL(lease))
	defer reg.Close()
	if err := reg.Register(t.Context(), desired("b", false)); err != nil {
		t.Fatal(err)
	}
	useUp(t, e)

	if err := reg.Register(t.Context(), desired("c", false)); err != nil {
		t.Errorf("Register without space: %v, want it accepted", err)
	}
	c := reg.Status()[1]
	if c.State != registrar.StateFailed || !errors.Is(c.Err, registrar.ErrUnavailable) || !errors.Is(c.Err, rpctypes.ErrNoSpace) {
		t.Errorf("status %+v, want %s for want of space", c, registrar.StateFailed)
	}
	waiting := h.register(t, "d")
	waiting.WaitOutput(t, harness.Patience, "etcd rejects default/orders/d", 1)
	static := h.register(t, "e", "--static", "--timeout", "2s")
	if code := static.Wait(t, harness.Patience); code != 4 || strings.Count(static.Output(), "\n") != 1 || !strings.Contains(static.Output(), "alarm disarm") {
		t.Errorf("exit code %d, want 4 and one line that says what to do:\n%s", code, static.Output())
	}
	elapse(t, time.Now(), 2*lease)
	if now := h.key(t, "a"); now != before {
		t.Errorf("without space: %s, before: %s", now, before)
	}
	for _, args := range [][]string{{"get", "orders", "-o", "name"}, {"list", "-o", "name"}} {
		p := harness.Registrar(t, append(args, h.flags...)...)
		if code := p.Wait(t, harness.Patience); code != 0 {
			t.Errorf("%s: exit code %d, wrote:\n%s", p, code, p.Output())
		}
	}
	if err := reg.Unregister(t.Context(), desired("b", false)); err != nil || h.key(t, "b") != "0 keys" {
		t.Errorf("Unregister without space: %v, %s", err, h.key(t, "b"))
	}

	makeRoom(t, e)
	t.Logf("registered %v after there was room", harness.Eventually(t, backBound, "all registered", func() error {
		return harness.True(reg.Status()[0].State == registrar.StateRegistered && strings.Contains(waiting.Output(), "registered default/orders/d"))
	}))
	for _, p := range []*harness.Process{h.Process, waiting} {
		if n := strings.Count(p.Output(), "\n"); n > 2 {
			t.Errorf("%s wrote %d lines:\n%s", p, n, p.Output())
		}
	}
	if now := h.key(t, "a"); now != before {
		t.Errorf("in the end: %s, before: %s", now, before)
	}
}

const fillerKey = "/filler"

// useUp writes to etcd until its quota is used up.
func useUp(t *testing.T, e *harness.Etcd) {
	t.Helper()
	filler := strings.Repeat("x", 512<<10)
	for range 100 {
		if _, err := e.Client().Put(t.Context(), fillerKey, filler); errors.Is(err, rpctypes.ErrNoSpace) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("etcd takes all that there is")
}

// makeRoom does what an operator does: delete, compact, defragment, disarm.
func makeRoom(t *testing.T, e *harness.Etcd) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	deleted, err := e.Client().Delete(ctx, fillerKey)
	must(err)
	_, err = e.Client().Compact(ctx, deleted.Header.Revision, clientv3.WithCompactPhysical())
	must(err)
	_, err = e.Client().Defragment(ctx, e.Endpoints[0])
	must(err)
	_, err = e.Client().AlarmDisarm(ctx, &clientv3.AlarmMember{})
	must(err)
}
