package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// Servers are coredns processes, yet to be started, with an etcd in each. The
// etcds are one cluster, with certificates among them and for clients.
type Servers struct {
	Members   []*CoreDNS
	Corefiles []string // of the members; each has a roster that knows all, its own etcd first
	Endpoints []string // of the etcds for clients
	Certs     *Certs
}

// NewServers prepares n servers for the zone svc.internal.
func NewServers(t testing.TB, n int) *Servers {
	t.Helper()
	s := &Servers{Certs: NewCerts(t)}
	var cluster []string
	for i := range n {
		c := NewCoreDNS(t)
		s.Members = append(s.Members, c)
		s.Endpoints = append(s.Endpoints, fmt.Sprintf("https://127.0.0.1:%d", c.Port(t, "etcd")))
		cluster = append(cluster, fmt.Sprintf("ns%d=https://127.0.0.1:%d", i, c.Port(t, "peer")))
	}
	server := strings.Join([]string{s.Certs.ServerCert, s.Certs.ServerKey, s.Certs.CA}, " ")
	for i := range n {
		s.Corefiles = append(s.Corefiles, fmt.Sprintf(`svc.internal:{{port "dns"}} {
	bind 127.0.0.1
	errors
	ready 127.0.0.1:{{port "ready"}}
	prometheus 127.0.0.1:{{port "metrics"}}
	etcdserver {{dir}}/disk/etcd {
		name ns%d
		listen_client %[2]s
		listen_peer https://127.0.0.1:{{port "peer"}}
		initial_cluster %[3]s
		tls %[4]s
		peer_tls %[4]s
	}
	roster {
		endpoint %[2]s %[8]s
		tls %[5]s %[6]s %[7]s
	}
}
`, i, s.Endpoints[i], strings.Join(cluster, ","), server, s.Certs.ClientCert, s.Certs.ClientKey, s.Certs.CA,
			strings.Join(slices.Delete(slices.Clone(s.Endpoints), i, i+1), " ")))
	}
	return s
}

// Start starts the servers one after the other, and waits until all are ready.
func (s *Servers) Start(t testing.TB) {
	t.Helper()
	for i, c := range s.Members {
		c.Launch(t, s.Corefiles[i])
	}
	for _, c := range s.Members {
		c.WaitReady(t)
	}
}

// Flags are those with which registrar finds the etcds.
func (s *Servers) Flags() []string {
	return []string{
		"--endpoints", strings.Join(s.Endpoints, ","),
		"--cert", s.Certs.ClientCert, "--key", s.Certs.ClientKey, "--cacert", s.Certs.CA,
	}
}

// Leader is the index of the member whose etcd leads, or -1.
func (s *Servers) Leader(t testing.TB) int {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: s.Endpoints, TLS: s.Certs.ClientTLS(t), Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i, endpoint := range s.Endpoints {
		const patience = 5 * time.Second // with one that is down
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		status, err := client.Status(ctx, endpoint)
		cancel()
		if err == nil && status.Leader == status.Header.MemberId {
			return i
		}
	}
	return -1
}
