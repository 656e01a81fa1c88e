package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/rosterdns/roster/test/harness"
)

// zone is the zone of all Corefiles here.
const zone = "svc.internal."

// system is a registry with its two interfaces: a coredns that answers from it, and
// flags with which registrar finds it.
type system struct {
	dns   *harness.CoreDNS
	flags []string
	etcd  *clientv3.Client
}

// systems are the ways in which a registry is run. Whatever passes on one has to
// pass on all.
var systems = map[string]func(*testing.T) *system{
	"builtin": builtin,
	"external": func(t *testing.T) *system {
		e := harness.StartEtcd(t, harness.EtcdOptions{})
		return external(t, e, "", "--endpoints", e.Endpoints[0])
	},
	"cluster": func(t *testing.T) *system {
		e := harness.StartEtcd(t, harness.EtcdOptions{Members: 3})
		return external(t, e, "", "--endpoints", strings.Join(e.Endpoints, ","))
	},
	"TLS with client certificates": func(t *testing.T) *system {
		e := harness.StartEtcd(t, harness.EtcdOptions{TLS: true})
		c := e.Certs
		return external(t, e, fmt.Sprintf("tls %s %s %s", c.ClientCert, c.ClientKey, c.CA),
			"--endpoints", e.Endpoints[0], "--cert", c.ClientCert, "--key", c.ClientKey, "--cacert", c.CA)
	},
	"user and password": func(t *testing.T) *system {
		e := harness.StartEtcd(t, harness.EtcdOptions{Auth: true})
		return external(t, e, fmt.Sprintf("credentials %s %s", harness.Reader.Name, harness.Reader.Password), writerFlags(t, e)...)
	},
	"user and password from a file": func(t *testing.T) *system {
		e := harness.StartEtcd(t, harness.EtcdOptions{Auth: true})
		file := secret(t, harness.Reader.Name+"\n"+harness.Reader.Password+"\n")
		return external(t, e, "credentials_file "+file, writerFlags(t, e)...)
	},
}

// builtin is the etcd beside coredns.
func builtin(t *testing.T) *system {
	t.Helper()
	return builtinOf(t, harness.StartCoreDNS(t, builtinCorefile))
}

// builtinOf is the etcd beside a coredns that was started with builtinCorefile.
func builtinOf(t *testing.T, c *harness.CoreDNS) *system {
	t.Helper()
	endpoint := fmt.Sprintf("http://127.0.0.1:%d", c.Port(t, "etcd"))
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return &system{dns: c, flags: []string{"--endpoints", endpoint}, etcd: client}
}

// external is an etcd of its own, which the property, if any, is needed to use.
func external(t *testing.T, e *harness.Etcd, property string, flags ...string) *system {
	t.Helper()
	return &system{
		dns:   harness.StartCoreDNS(t, corefile(e, property)),
		flags: flags,
		etcd:  e.Client(),
	}
}

func writerFlags(t *testing.T, e *harness.Etcd) []string {
	t.Helper()
	return []string{
		"--endpoints", e.Endpoints[0], "--user", harness.Writer.Name,
		"--password-file", secret(t, harness.Writer.Password+"\n"),
	}
}

// secret writes a file that only its owner can read.
func secret(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const block = `svc.internal:{{port "dns"}} {
	bind 127.0.0.1
	errors
	ready 127.0.0.1:{{port "ready"}}
	prometheus 127.0.0.1:{{port "metrics"}}
`

const builtinCorefile = block + `
	etcdserver {{dir}}/etcd {
		listen_client http://127.0.0.1:{{port "etcd"}}
	}
	roster {
		endpoint http://127.0.0.1:{{port "etcd"}}
	}
}
`

// corefile answers from an etcd, with further properties of roster.
func corefile(e *harness.Etcd, properties ...string) string {
	return block + "\troster {\n\t\tendpoint " + strings.Join(e.Endpoints, " ") + "\n\t\t" +
		strings.Join(properties, "\n\t\t") + "\n\t}\n}\n"
}

// register starts a registrar that keeps an instance registered, under a lease
// of that length unless a flag says otherwise, and waits until it says that it
// is.
func (s *system) register(t *testing.T, service, id, address string, flags ...string) *harness.Process {
	t.Helper()
	if !slices.Contains(flags, "--lease") {
		flags = append(flags, "--lease", lease.String())
	}
	args := slices.Concat([]string{"register", service, "--id", id, "--address", address, "--port", "http:8080"}, s.flags, flags)
	p := harness.Registrar(t, args...)
	p.WaitOutput(t, harness.Patience, fmt.Sprintf("registered default/%s/%s", service, id), 1)
	return p
}

// run runs a registrar to its end.
func (s *system) run(t *testing.T, args ...string) (p *harness.Process, code int) {
	t.Helper()
	p = harness.Registrar(t, append(args, s.flags...)...)
	return p, p.Wait(t, harness.Patience)
}

// instance is what the tests compare of an instance.
type instance struct {
	ID        string   `json:"id"`
	Addresses []string `json:"addresses"`
	Ports     []struct {
		Name string `json:"name"`
		Port int    `json:"port"`
	} `json:"ports"`
	Weight   int `json:"weight"`
	Priority int `json:"priority"`
}

// get reads a service by `registrar get -o json`. None is no error.
func (s *system) get(t *testing.T, service string) []instance {
	t.Helper()
	p, code := s.run(t, "get", service, "-o", "json")
	if code == 3 {
		return nil
	}
	var shown struct{ Instances []instance }
	if err := json.Unmarshal([]byte(p.Stdout()), &shown); err != nil || code != 0 {
		t.Fatalf("get -o json: exit code %d, %v, wrote:\n%s", code, err, p.Output())
	}
	return shown.Instances
}

// srvName is the name under which a service's http port is found.
func srvName(service string) string { return "_http._tcp." + service + ".default." + zone }

// expected is what DNS has to show for a service of these instances.
func expected(service string, instances []instance) (srv, a, glue []string) {
	name := service + ".default." + zone
	for _, in := range instances {
		srv = append(srv, fmt.Sprintf("%s IN SRV %d %d %d %s.%s", srvName(service), in.Priority, in.Weight, in.Ports[0].Port, in.ID, name))
		for _, addr := range in.Addresses {
			a = append(a, fmt.Sprintf("%s IN A %s", name, addr))
			glue = append(glue, fmt.Sprintf("%s.%s IN A %s", in.ID, name, addr))
		}
	}
	slices.Sort(srv)
	slices.Sort(a)
	slices.Sort(glue)
	return srv, a, glue
}

// compare says where DNS differs from what instances of a service there are.
func (s *system) compare(t *testing.T, service string, instances []instance) error {
	t.Helper()
	wantSRV, wantA, wantGlue := expected(service, instances)
	wantCode := dns.RcodeSuccess
	if len(instances) == 0 {
		wantCode = dns.RcodeNameError
	}
	srv := s.dns.Ask(t, srvName(service), dns.TypeSRV)
	a := s.dns.Ask(t, service+".default."+zone, dns.TypeA)
	return errors.Join(
		differ("code of SRV", dns.RcodeToString[srv.Rcode], dns.RcodeToString[wantCode]),
		differ("SRV", harness.Records(srv.Answer), wantSRV),
		differ("glue", harness.Records(srv.Extra), wantGlue),
		differ("code of A", dns.RcodeToString[a.Rcode], dns.RcodeToString[wantCode]),
		differ("A", harness.Records(a.Answer), wantA),
	)
}

func differ(what string, got, want any) error {
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		return fmt.Errorf("%s: got %s, want %s", what, g, w)
	}
	return nil
}

// agree checks that DNS and `get -o json` show the same instances of a service,
// which are those of the IDs.
func (s *system) agree(t *testing.T, service string, ids ...string) {
	t.Helper()
	instances := s.get(t, service)
	var got []string
	for _, in := range instances {
		got = append(got, in.ID)
	}
	if !slices.Equal(got, ids) {
		t.Errorf("get shows %q, want %q", got, ids)
	}
	if err := s.compare(t, service, instances); err != nil {
		t.Errorf("DNS differs from get -o json: %v", err)
	}
}

// sees is a condition: DNS shows the instances of these IDs, and no others.
func (s *system) sees(t *testing.T, service string, ids ...string) func() error {
	t.Helper()
	return func() error {
		var got []string
		for _, rr := range s.dns.Ask(t, srvName(service), dns.TypeSRV).Answer {
			if srv, ok := rr.(*dns.SRV); ok {
				id, _, _ := strings.Cut(srv.Target, ".")
				got = append(got, id)
			}
		}
		slices.Sort(got)
		return differ("instances in DNS", got, ids)
	}
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }
