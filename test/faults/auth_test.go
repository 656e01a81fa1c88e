package faults_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/harness"

	_ "github.com/rosterdns/roster/registrar/etcd"
)

// tokenTTL is how many seconds etcd's tokens live in these tests; its default is
// 300.
const tokenTTL = 2

// passwordFile writes a password for registrar's --password-file.
func passwordFile(t *testing.T, password string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	harness.ReplaceFile(t, path, password+"\n")
	return path
}

// credentials is the text of a credentials file.
func credentials(user harness.User) string { return user.Name + "\n" + user.Password + "\n" }

func authOptions(t *testing.T) options {
	t.Helper()
	return options{
		proxied: true,
		etcd:    harness.EtcdOptions{Auth: true, Args: []string{fmt.Sprintf("--auth-token-ttl=%d", tokenTTL)}},
		properties: func(*harness.Etcd) []string {
			return []string{"credentials " + harness.Reader.Name + " " + harness.Reader.Password}
		},
		clients: func(*harness.Etcd) []registrar.Option {
			return []registrar.Option{registrar.WithCredentials(harness.Writer.Name, harness.Writer.Password)}
		},
		flags: func(*harness.Etcd) []string {
			return []string{"--user", harness.Writer.Name, "--password-file", passwordFile(t, harness.Writer.Password)}
		},
	}
}

// noGap checks that changes went on to show.
func noGap(t *testing.T, l *lags) {
	t.Helper()
	harness.Within(t, "a change", l.stop(t), equalBound)
	l.neverStale(t)
}

// TestTokenExpiry lets etcd's simple tokens run out again and again, while
// connections stand and when they are made anew.
func TestTokenExpiry(t *testing.T) {
	t.Parallel()
	r := newRig(t, authOptions(t))
	l := startLags(t, r, converged)
	harness.Elapse(t, 2*tokenTTL*time.Second)
	repeat(t, 3, func() {
		harness.Elapse(t, (tokenTTL+1)*time.Second)
		r.proxies[0].Reset()
	})
	noGap(t, l)
	r.finish(t)
}

// TestRefused takes the DNS server's role away from its user for a while, and
// breaks its connection: to an etcd that refuses it no answer fails or changes.
func TestRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, authOptions(t))
	left := time.Now()
	if _, err := r.etcd.Client().UserRevokeRole(t.Context(), harness.Reader.Name, "dns"); err != nil {
		t.Fatal(err)
	}
	r.proxies[0].Reset()
	stale := r.waitState(t, staleBound, "stale")
	if r.dns.Metrics(t).Sum("coredns_roster_mirror_failures_total", "reason", "auth") == 0 {
		t.Error("no failure for want of a permission: not what is tested")
	}
	harness.Elapse(t, time.Until(left.Add(harness.FaultTime(t, staleBound))))
	r.checkState(t, "stale")
	if _, err := r.etcd.Client().UserGrantRole(t.Context(), harness.Reader.Name, "dns"); err != nil {
		t.Fatal(err)
	}
	live := r.waitState(t, liveBound, "live")
	t.Logf("refused: stale shown after %v, live %v after the role was granted again", stale, live)
	r.finish(t)
}

// TestPasswordRotated changes the passwords of the DNS server and of registrars,
// which read them from files. Whether the file or etcd changes first, no one is
// locked out for good.
func TestPasswordRotated(t *testing.T) {
	t.Parallel()
	for _, fileFirst := range []bool{true, false} {
		t.Run(fmt.Sprintf("file first %v", fileFirst), func(t *testing.T) {
			t.Parallel()
			o := authOptions(t)
			o.refused = true
			reader, rotated := filepath.Join(t.TempDir(), "reader"), filepath.Join(t.TempDir(), "rotated")
			// Of the clients of the library; the command reads its file once.
			writer := harness.User{Name: "rotated", Password: "first"}
			harness.ReplaceFile(t, reader, credentials(harness.Reader))
			harness.ReplaceFile(t, rotated, credentials(writer))
			o.properties = func(*harness.Etcd) []string { return []string{"credentials_file " + reader} }
			o.clients = func(e *harness.Etcd) []registrar.Option {
				addUser(t, e.Client(), writer)
				return []registrar.Option{registrar.WithCredentialsFile(rotated)}
			}
			r := newRig(t, o)
			l := startLags(t, r, converged)
			n := 0
			repeat(t, 3, func() {
				n++
				files := func() {
					harness.ReplaceFile(t, reader, credentials(harness.User{Name: harness.Reader.Name, Password: fmt.Sprint("new-", n)}))
					harness.ReplaceFile(t, rotated, credentials(harness.User{Name: writer.Name, Password: fmt.Sprint("new-", n)}))
				}
				if fileFirst {
					files()
				}
				for _, user := range []string{harness.Reader.Name, writer.Name} {
					if _, err := r.etcd.Client().UserChangePassword(t.Context(), user, fmt.Sprint("new-", n)); err != nil {
						t.Fatal(err)
					}
				}
				r.proxies[0].Reset() // or the new one would not be needed
				if !fileFirst {
					harness.Elapse(t, time.Second)
					files()
				}
				harness.Elapse(t, (tokenTTL+1)*time.Second)
			})
			noGap(t, l)
			r.finish(t)
		})
	}
}

// addUser adds a user who may do what the Writer may.
func addUser(t *testing.T, client *clientv3.Client, u harness.User) {
	t.Helper()
	if _, err := client.UserAdd(t.Context(), u.Name, u.Password); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UserGrantRole(t.Context(), u.Name, "registrar"); err != nil {
		t.Fatal(err)
	}
}

// TestCertificatesRotated replaces the server's and the clients' certificates on
// disk, and lets the first ones expire: new connections take the new ones.
func TestCertificatesRotated(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"etcd", "coredns", "registrar"} {
		harness.Binary(t, program) // since the certificates' time starts to run then
	}
	const life = time.Minute // which the start of the rig has to fit in
	start := time.Now()
	r := newRig(t, options{
		proxied: true,
		etcd:    harness.EtcdOptions{TLS: true, CertLife: life},
		properties: func(e *harness.Etcd) []string {
			return []string{fmt.Sprintf("tls %s %s %s", e.Certs.ClientCert, e.Certs.ClientKey, e.Certs.CA)}
		},
		clients: func(e *harness.Etcd) []registrar.Option {
			return []registrar.Option{registrar.WithTLSFiles(e.Certs.ClientCert, e.Certs.ClientKey, e.Certs.CA)}
		},
		flags: func(e *harness.Etcd) []string {
			return []string{"--cert", e.Certs.ClientCert, "--key", e.Certs.ClientKey, "--cacert", e.Certs.CA}
		},
	})
	l := startLags(t, r, converged)
	r.etcd.Certs.Renew(t, harness.CertLife)
	r.proxies[0].Reset()
	harness.Elapse(t, time.Until(start.Add(life+2*time.Second)))
	r.proxies[0].Reset()
	harness.Elapse(t, 2*time.Second)
	repeat(t, 2, func() {
		r.etcd.Certs.Renew(t, harness.CertLife)
		r.proxies[0].Reset()
		harness.Elapse(t, 2*time.Second)
	})
	noGap(t, l)
	r.finish(t)
}
