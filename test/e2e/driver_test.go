package e2e_test

import (
	"slices"
	"testing"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/etcd"
	"github.com/rosterdns/roster/registrar/registrartest"
	"github.com/rosterdns/roster/test/harness"
)

// TestDriver runs the behaviour of all drivers for the etcd driver against real
// etcds, in each way to connect to one. It takes them one after the other: the
// suite's tests are parallel among themselves, and have bounds of a second.
func TestDriver(t *testing.T) {
	for name, test := range map[string]struct {
		etcd    harness.EtcdOptions
		options func(*testing.T, *harness.Etcd) []registrar.Option
	}{
		"plain": {options: func(*testing.T, *harness.Etcd) []registrar.Option { return nil }},
		"TLS": {
			etcd: harness.EtcdOptions{TLS: true},
			options: func(t *testing.T, e *harness.Etcd) []registrar.Option {
				t.Helper()
				return []registrar.Option{registrar.WithTLS(e.Certs.ClientTLS(t))}
			},
		},
		"TLS from files": {
			etcd: harness.EtcdOptions{TLS: true},
			options: func(_ *testing.T, e *harness.Etcd) []registrar.Option {
				return []registrar.Option{registrar.WithTLSFiles(e.Certs.ClientCert, e.Certs.ClientKey, e.Certs.CA)}
			},
		},
		"user": {
			etcd: harness.EtcdOptions{Auth: true},
			options: func(*testing.T, *harness.Etcd) []registrar.Option {
				return []registrar.Option{registrar.WithCredentials(harness.Writer.Name, harness.Writer.Password)}
			},
		},
		"user from a file": {
			etcd: harness.EtcdOptions{Auth: true},
			options: func(t *testing.T, _ *harness.Etcd) []registrar.Option {
				t.Helper()
				return []registrar.Option{registrar.WithCredentialsFile(secret(t, harness.Writer.Name+"\n"+harness.Writer.Password+"\n"))}
			},
		},
		"the program's client": {
			options: func(_ *testing.T, e *harness.Etcd) []registrar.Option {
				return []registrar.Option{registrar.WithEndpoints(), etcd.WithClient(e.Client())}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := harness.StartEtcd(t, test.etcd)
			options := append([]registrar.Option{registrar.WithEndpoints(e.Endpoints...)}, test.options(t, e)...)
			registrartest.Run(t, func(t *testing.T, opts ...registrar.Option) *registrar.Client {
				t.Helper()
				return openClient(t, append(slices.Clone(options), opts...)...)
			})
		})
	}
}

func openClient(t *testing.T, opts ...registrar.Option) *registrar.Client {
	t.Helper()
	c, err := registrar.Open(t.Context(), "etcd", append([]registrar.Option{harness.LogTo(t)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
