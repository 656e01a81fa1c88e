package harness

import (
	"fmt"
	"strings"
	"testing"
)

// Servers are coredns processes, yet to be started, with an etcd in each. The
// etcds are one cluster, with certificates among them and for clients.
type Servers struct {
	Members   []*CoreDNS
	Corefiles []string // of the members; each has a roster that reads from its own etcd
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
		endpoint %[2]s
		tls %[5]s %[6]s %[7]s
	}
}
`, i, s.Endpoints[i], strings.Join(cluster, ","), server, s.Certs.ClientCert, s.Certs.ClientKey, s.Certs.CA))
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
	for i, c := range s.Members {
		if c.Metrics(t).Sum("etcd_server_is_leader") == 1 {
			return i
		}
	}
	return -1
}
