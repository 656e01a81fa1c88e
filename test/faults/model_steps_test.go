package faults_test

import (
	"context"
	"fmt"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

// modelStep is a thing that can happen to a registry.
type modelStep struct {
	name string
	// frequency is against that of others, mostFrequent at most.
	frequency int
	// broken says that it can happen while etcd takes no requests.
	broken bool
	// do reports false where there is nothing to do.
	do func(*testing.T, *model) bool
}

const mostFrequent = 40

// steps are all that can happen. What is ambiguous, such as a write that failed
// in between, is no matter: what is expected is read from etcd.
var steps = []modelStep{
	{name: "put", frequency: mostFrequent, do: func(t *testing.T, m *model) bool { return m.write(t, m.anyInstance(true), 0) }},
	{name: "put under a lease", frequency: 20, do: func(t *testing.T, m *model) bool {
		return len(m.leases) > 0 && m.write(t, m.anyInstance(false), m.leases[m.rand.IntN(len(m.leases))])
	}},
	{name: "delete", frequency: 20, do: func(t *testing.T, m *model) bool {
		in := m.anyInstance(true)
		return m.etcdDoes(t, func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Delete(ctx, in.Key())
			return err
		})
	}},
	{name: "delete a service", frequency: 3, do: func(t *testing.T, m *model) bool {
		in := m.anyInstance(true)
		return m.etcdDoes(t, func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Delete(ctx, fmt.Sprintf("/roster/%s/%s/", in.Namespace, in.Service), clientv3.WithPrefix())
			return err
		})
	}},
	{name: "override", frequency: 6, do: func(t *testing.T, m *model) bool {
		in := m.anyInstance(true)
		return m.etcdDoes(t, func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Put(ctx, in.OverrideKey(), `{"status":"draining"}`)
			return err
		})
	}},
	{name: "lift override", frequency: 6, do: func(t *testing.T, m *model) bool {
		in := m.anyInstance(true)
		return m.etcdDoes(t, func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Delete(ctx, in.OverrideKey())
			return err
		})
	}},
	{name: "bad value", frequency: 4, do: func(t *testing.T, m *model) bool {
		in := m.anyInstance(true)
		return m.etcdDoes(t, func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Put(ctx, in.Key(), "{")
			return err
		})
	}},
	{name: "grant", frequency: 10, do: func(t *testing.T, m *model) bool {
		return m.etcdDoes(t, func(ctx context.Context, c *clientv3.Client) error {
			lease, err := c.Grant(ctx, 2+m.rand.Int64N(3)) // expires within the run
			if err == nil {
				m.leases = append(m.leases, lease.ID)
			}
			return err
		})
	}},
	{name: "compact", frequency: 8, do: func(t *testing.T, m *model) bool {
		revision := m.etcd.Revision(t)
		return m.etcdDoes(t, func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Compact(ctx, revision, clientv3.WithCompactPhysical())
			return err
		})
	}},
	{name: "back up", frequency: 4, do: func(t *testing.T, m *model) bool { m.backup = m.etcd.Backup(t); return true }},
	{name: "restore", frequency: 2, do: func(t *testing.T, m *model) bool { return m.restoreBackup(t, 0) }},
	{name: "restore with a bump", frequency: 1, do: func(t *testing.T, m *model) bool { return m.restoreBackup(t, 1_000_000) }},
	{name: "cut", frequency: 4, broken: true, do: func(_ *testing.T, m *model) bool {
		m.cut = !m.cut
		if m.cut {
			m.proxies[0].Cut()
		} else {
			m.proxies[0].Heal()
		}
		return true
	}},
	{name: "refuse", frequency: 4, broken: true, do: func(t *testing.T, m *model) bool {
		m.refused = !m.refused
		if m.refused {
			m.proxies[0].Refuse()
		} else {
			m.proxies[0].Accept(t)
		}
		return true
	}},
	{name: "reset", frequency: 4, broken: true, do: func(_ *testing.T, m *model) bool { m.proxies[0].Reset(); return true }},
	{name: "kill etcd", frequency: 1, do: func(t *testing.T, m *model) bool { m.etcd.Kill(t); m.killed = true; return true }},
	{name: "restart etcd", frequency: 10, broken: true, do: func(t *testing.T, m *model) bool {
		if !m.killed {
			return false
		}
		m.etcd.Restart(t)
		m.killed = false
		return true
	}},
	{name: "pause etcd", frequency: 1, do: func(t *testing.T, m *model) bool { m.etcd.Pause(t); m.paused = true; return true }},
	{name: "continue etcd", frequency: 10, broken: true, do: func(t *testing.T, m *model) bool {
		if !m.paused {
			return false
		}
		m.etcd.Continue(t)
		m.paused = false
		return true
	}},
	{name: "restart coredns", frequency: 1, broken: true, do: func(t *testing.T, m *model) bool {
		m.waitLaunched(t)
		if code := m.dns.Stop(t); code != 0 {
			t.Errorf("coredns ended with %d", code)
		}
		if !m.keep {
			m.last = 0 // nothing holds it
		}
		m.launch(t)
		return true
	}},
	{name: "kill coredns", frequency: 1, broken: true, do: func(t *testing.T, m *model) bool {
		m.dns.Kill()
		m.last = 0 // the snapshot can be older
		m.launch(t)
		return true
	}},
	{name: "reload coredns", frequency: 2, broken: true, do: func(t *testing.T, m *model) bool {
		m.waitLaunched(t)
		m.dns.Reload(t, m.corefile())
		return true
	}},
}

// launch starts coredns again, which takes a while where etcd is away.
func (m *model) launch(t *testing.T) {
	t.Helper()
	m.dns.Launch(t, m.corefile())
	m.launching = true
}

// anyInstance is one of few, so that steps meet.
func (m *model) anyInstance(static bool) harness.Instance {
	in := harness.Instance{
		Namespace: fmt.Sprintf("ns%d", m.rand.IntN(2)),
		Service:   fmt.Sprintf("s%d", m.rand.IntN(4)),
		ID:        fmt.Sprintf("i%d", m.rand.IntN(6)),
		Addresses: []string{fmt.Sprintf("10.4.%d.%d", m.rand.IntN(4), 1+m.rand.IntN(200))},
		Ports:     []harness.InstancePort{{Name: "http", Port: 1 + m.rand.IntN(65535)}},
		Static:    static,
	}
	if m.rand.IntN(4) == 0 {
		in.Addresses = append(in.Addresses, fmt.Sprintf("2001:db8::%x", 1+m.rand.IntN(200)))
		in.Metadata = map[string]string{"k": fmt.Sprint(m.rand.IntN(100))}
	}
	if m.rand.IntN(4) == 0 {
		in.Priority = m.rand.IntN(2)
	}
	return in
}

func (m *model) write(t *testing.T, in harness.Instance, lease clientv3.LeaseID) bool {
	t.Helper()
	m.remember(in.Key())
	return m.etcdDoes(t, func(ctx context.Context, c *clientv3.Client) error {
		_, err := in.Put(ctx, c, lease)
		return err
	})
}

// etcdDoes asks etcd for something that may fail, as for want of a lease.
func (m *model) etcdDoes(t *testing.T, do func(context.Context, *clientv3.Client) error) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), writeAttempt)
	defer cancel()
	return do(ctx, m.etcd.Client()) == nil
}

func (m *model) restoreBackup(t *testing.T, bump uint64) bool {
	t.Helper()
	if m.backup == "" {
		return false
	}
	m.etcd.Kill(t)
	m.etcd.Restore(t, m.backup, bump)
	m.etcd.Restart(t)
	return true
}
