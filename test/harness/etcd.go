package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// bcryptCost makes logins cheap: at the usual cost each takes a tenth of a second of
// a processor, and clients of tests come and go some ten times a second.
const bcryptCost = "--bcrypt-cost=4"

// EtcdOptions says what etcd to start. The zero value is one member on loopback
// without TLS and users.
type EtcdOptions struct {
	// Members is the size of the cluster; 0 means 1.
	Members int
	// TLS serves clients by https, and demands certificates of them.
	TLS bool
	// CertLife, unless 0, is how long the first certificates are valid.
	CertLife time.Duration
	// Auth creates the users Root, Writer and Reader, and demands them.
	Auth bool
	// Listen are further URLs at which each member serves clients.
	Listen []string
	// Args are further flags of etcd.
	Args []string
}

// Etcd is an etcd cluster of processes of its own. Its methods act on all
// members; for one of them there are the Member's.
type Etcd struct {
	Members []*Member
	// Endpoints are the URLs for clients.
	Endpoints []string
	// Certs is what TLS is made of; nil without TLS.
	Certs *Certs

	auth   bool
	client *clientv3.Client
}

// StartEtcd starts an etcd and waits until it serves.
func StartEtcd(t testing.TB, o EtcdOptions) *Etcd {
	t.Helper()
	e := NewEtcd(t, o)
	e.Start(t)
	return e
}

// NewEtcd prepares an etcd that is yet to be started: its endpoints are known,
// and nothing listens there.
func NewEtcd(t testing.TB, o EtcdOptions) *Etcd {
	t.Helper()
	e := &Etcd{auth: o.Auth}
	scheme := "http"
	if o.TLS {
		scheme, e.Certs = "https", NewCerts(t)
	}
	if o.CertLife > 0 {
		e.Certs.Renew(t, o.CertLife)
	}
	var cluster []string
	for i := range max(o.Members, 1) {
		m := newMember(t, i, scheme)
		cluster = append(cluster, m.name+"="+m.peer)
		e.Members, e.Endpoints = append(e.Members, m), append(e.Endpoints, m.client)
	}
	for _, m := range e.Members {
		m.cluster = strings.Join(cluster, ",")
		m.listen = append(m.listen, o.Listen...)
		m.args = append(m.flags(e.Certs), o.Args...)
		if o.Auth {
			m.args = append(m.args, bcryptCost)
		}
	}
	return e
}

// Start starts the members and waits until they serve. It is called once.
func (e *Etcd) Start(t testing.TB) {
	t.Helper()
	for _, m := range e.Members {
		m.Start(t)
	}
	e.client = e.connect(t, User{}, e.Endpoints...)
	e.WaitServing(t)
	if e.auth {
		e.enableAuth(t)
		e.client = e.connect(t, Root, e.Endpoints...)
	}
}

// Stop stops the members by TERM.
func (e *Etcd) Stop(t testing.TB) { e.each(func(m *Member) { m.Stop(t) }) }

// Kill kills the members.
func (e *Etcd) Kill(t testing.TB) { e.each(func(m *Member) { m.Kill(t) }) }

// Pause stops the members by SIGSTOP: their connections stay open, and silent.
func (e *Etcd) Pause(t testing.TB) { e.each(func(m *Member) { m.Pause(t) }) }

// Continue lets paused members go on, and waits until they serve.
func (e *Etcd) Continue(t testing.TB) {
	t.Helper()
	e.each(func(m *Member) { m.Continue(t) })
	e.WaitServing(t)
}

// Restart starts stopped or killed members again, with the same ports and data,
// and waits until they serve.
func (e *Etcd) Restart(t testing.TB) {
	t.Helper()
	e.each(func(m *Member) { m.Start(t) })
	e.WaitServing(t)
}

// Wipe deletes the data of stopped or killed members.
func (e *Etcd) Wipe(t testing.TB) { e.each(func(m *Member) { m.Wipe(t) }) }

func (e *Etcd) each(f func(*Member)) {
	for _, m := range e.Members {
		f(m)
	}
}

// Member is one process of an etcd cluster.
type Member struct {
	name         string
	client, peer string // URLs
	listen       []string
	cluster      string // NAME=URL,...
	dir          string
	args         []string
	process      *Process
}

func newMember(t testing.TB, n int, scheme string) *Member {
	t.Helper()
	client := scheme + "://" + FreeAddr(t)
	return &Member{
		name:   fmt.Sprintf("etcd-%d", n),
		client: client,
		listen: []string{client},
		peer:   "http://" + FreeAddr(t),
		dir:    filepath.Join(t.TempDir(), "data"),
	}
}

func (m *Member) flags(certs *Certs) []string {
	flags := []string{
		"--name=" + m.name,
		"--data-dir=" + m.dir,
		"--listen-client-urls=" + strings.Join(m.listen, ","),
		"--advertise-client-urls=" + m.client,
		"--listen-peer-urls=" + m.peer,
		"--initial-advertise-peer-urls=" + m.peer,
		"--initial-cluster=" + m.cluster,
		"--log-level=warn",
	}
	if certs != nil {
		flags = append(flags, "--client-cert-auth", "--trusted-ca-file="+certs.CA,
			"--cert-file="+certs.ServerCert, "--key-file="+certs.ServerKey)
	}
	return flags
}

// Start starts the member, or starts it again, without waiting until it serves.
func (m *Member) Start(t testing.TB) {
	t.Helper()
	m.process = Start(t, Command{Name: m.name, Path: Binary(t, "etcd"), Args: m.args})
}

// Stop stops the member by TERM.
func (m *Member) Stop(t testing.TB) {
	t.Helper()
	m.process.Stop(t) // etcd's exit code is the signal's
}

// Kill kills the member.
func (m *Member) Kill(t testing.TB) {
	t.Helper()
	m.process.Kill()
}

// Pause stops the member by SIGSTOP.
func (m *Member) Pause(t testing.TB) {
	t.Helper()
	m.process.Pause(t)
}

// Continue lets a paused member go on.
func (m *Member) Continue(t testing.TB) {
	t.Helper()
	m.process.Continue(t)
}

// Wipe deletes the data of the member, which must not be running.
func (m *Member) Wipe(t testing.TB) {
	t.Helper()
	if err := os.RemoveAll(m.dir); err != nil {
		t.Fatal(err)
	}
}

// Endpoint is the member's URL for clients.
func (m *Member) Endpoint() string { return m.client }

// PeerEndpoint is the member's URL for other members.
func (m *Member) PeerEndpoint() string { return m.peer }
