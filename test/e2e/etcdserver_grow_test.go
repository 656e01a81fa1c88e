package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

// TestGrowEtcdserver makes a cluster of two of a single etcd beside coredns, as the
// README of etcdserver says.
func TestGrowEtcdserver(t *testing.T) {
	t.Parallel()
	s := builtin(t)
	s.register(t, "orders", "before", "127.0.0.1", "--lease", "60s")
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()

	grown := func(name string) string {
		return block + fmt.Sprintf(`
	etcdserver {{dir}}/etcd {
		name %s
		listen_client http://127.0.0.1:{{port "etcd"}}
		listen_peer http://127.0.0.1:{{port "peer"}}
	}
	roster {
		endpoint http://127.0.0.1:{{port "etcd"}}
	}
}
`, name)
	}
	if code := s.dns.Stop(t); code != 0 {
		t.Errorf("coredns: exit code %d on TERM, want 0", code)
	}
	s.dns.Launch(t, grown("roster"))
	s.dns.WaitReady(t)
	members, err := s.etcd.MemberList(ctx)
	if err != nil || len(members.Members) != 1 {
		t.Fatalf("%v, %v", members, err)
	}
	peer := fmt.Sprintf("http://127.0.0.1:%d", s.dns.Port(t, "peer"))
	_, err = s.etcd.MemberUpdate(ctx, members.Members[0].ID, []string{peer})
	second := harness.NewCoreDNS(t)
	secondPeer := fmt.Sprintf("http://127.0.0.1:%d", second.Port(t, "peer"))
	client := fmt.Sprintf("http://127.0.0.1:%d", second.Port(t, "etcd"))
	_, addErr := s.etcd.MemberAdd(ctx, []string{secondPeer})
	if err := errors.Join(err, addErr); err != nil {
		t.Fatal(err)
	}

	joins := harness.Start(t, harness.Command{Name: "etcd", Path: harness.Binary(t, "etcd"), Args: []string{
		"--name", "second", "--data-dir", filepath.Join(second.Dir(), "etcd"), "--initial-cluster-state", "existing",
		"--initial-cluster", "roster=" + peer + ",second=" + secondPeer, "--initial-advertise-peer-urls", secondPeer,
		"--listen-peer-urls", secondPeer, "--listen-client-urls", client, "--advertise-client-urls", client,
	}})
	joins.WaitOutput(t, harness.Patience, "ready to serve client requests", 1)
	joins.Stop(t)
	second.Launch(t, grown("second"))
	second.WaitReady(t)
	other := &system{dns: second}
	harness.Eventually(t, harness.Patience, "what the first one has", other.sees(t, "orders", "before"))
	s.register(t, "orders", "now", "127.0.0.1", "--lease", "60s")
	harness.Eventually(t, harness.Patience, "what is registered at the first one", other.sees(t, "orders", "before", "now"))
	if _, err := s.etcd.Get(ctx, "k", clientv3.WithSerializable()); err != nil {
		t.Error(err)
	}
}
