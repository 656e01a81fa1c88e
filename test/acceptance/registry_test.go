//go:build acceptance

package acceptance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// zone is where the services of the default namespace have their names.
const zone = "default.svc.internal"

// instance is an instance in a file for registrar.
type instance struct {
	ID string `json:"id"`
	harness.Instance
}

// service is a service of the default namespace in a file for registrar.
type service struct {
	Name      string     `json:"name"`
	Instances []instance `json:"instances"`
}

// host is the name of the service.
func (s *service) host() string { return s.Name + "." + zone }

// srvName is where the service's port http is looked up.
func (s *service) srvName() string { return "_http._tcp." + s.host() }

// addresses are those of the instances.
func (s *service) addresses() (addresses []string) {
	for _, in := range s.Instances {
		addresses = append(addresses, in.Addresses...)
	}
	return addresses
}

// families are the addresses of IPv4 and of IPv6.
func (s *service) families() (v4, v6 []string) {
	for _, a := range s.addresses() {
		if strings.Contains(a, ":") {
			v6 = append(v6, a)
		} else {
			v4 = append(v4, a)
		}
	}
	return v4, v6
}

// srvs are the SRV records of the instances, without what is before their data.
func (s *service) srvs() (srvs []string) {
	for _, in := range s.Instances {
		srvs = append(srvs, fmt.Sprintf("%d %d %d %s.%s.", in.Priority, in.Weight, in.Ports[0].Port, in.ID, s.host()))
	}
	return srvs
}

// without is the service after an instance has gone.
func (s *service) without(id string) *service {
	left := slices.DeleteFunc(slices.Clone(s.Instances), func(in instance) bool { return in.ID == id })
	return &service{Name: s.Name, Instances: left}
}

// newService is a service of three instances in IPv4 and IPv6.
func newService(name string) *service {
	s := &service{Name: name}
	for i, id := range []string{"a", "b", "c"} {
		s.Instances = append(s.Instances, instance{ID: id, Instance: harness.Instance{
			Addresses: []string{fmt.Sprintf("10.1.2.%d", i+1), fmt.Sprintf("2001:db8::%d", i+1)},
			Ports:     []harness.InstancePort{{Name: "http", Port: 8080 + i}},
			Weight:    100 * (i + 1),
			Metadata:  map[string]string{"version": "1.2." + fmt.Sprint(i)},
		}})
	}
	return s
}

// newWide is a service of n instances in IPv4.
func newWide(name string, n int) *service {
	s := &service{Name: name}
	for i := range n {
		s.Instances = append(s.Instances, instance{ID: fmt.Sprintf("w%d", i), Instance: harness.Instance{
			Addresses: []string{fmt.Sprintf("10.9.%d.%d", i/250, 1+i%250)},
			Ports:     []harness.InstancePort{{Name: "http", Port: 8080}},
			Weight:    100,
		}})
	}
	return s
}

// newEmpty is a service of one instance, which is down.
func newEmpty(name string) *service {
	s := newWide(name, 1)
	s.Instances[0].Status = "down"
	return s
}

// store registers services that stay until they are unregistered.
func (ns *namespace) store(t *testing.T, services ...*service) {
	t.Helper()
	text, err := json.Marshal(services)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "services.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	ns.registrar(t, "register", "--static", "--timeout", "15s", "--file", file)
}

// unregister removes an instance.
func (ns *namespace) unregister(t *testing.T, s *service, id string) {
	t.Helper()
	ns.registrar(t, "unregister", s.Name, id)
}

// registrar runs a command that has to succeed.
func (ns *namespace) registrar(t *testing.T, args ...string) {
	t.Helper()
	p := harness.RegistrarCommand(t, harness.Command{Args: args, Wrap: ns.wrap()})
	if code := p.Wait(t, harness.Patience); code != 0 {
		t.Fatalf("%s: exit code %d", p, code)
	}
}

// awaitServed waits until the server answers with the addresses of a service.
func (ns *namespace) awaitServed(t *testing.T, s *service) {
	t.Helper()
	v4, _ := s.families()
	harness.Eventually(t, harness.Patience, s.Name+" in DNS", func() error {
		out, err := ns.dig(t, "+tcp", s.host(), "A")
		if err != nil {
			return err
		}
		return same(strings.Fields(out), v4)
	})
}

// same is a condition for Eventually: these are the records that are wanted, in
// any order.
func same(got, want []string) error {
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		return fmt.Errorf("got %d records, want %d; lacking %q, unexpected %q", len(got), len(want), except(want, got), except(got, want))
	}
	return nil
}

// except are those of a that are not in b.
func except(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// fetch gets a URL from within the namespace.
func (ns *namespace) fetch(t *testing.T, url string) (string, error) {
	t.Helper()
	p := ns.start(t, harness.Program(t, "get", url))
	if code := p.Wait(t, harness.Patience); code != 0 {
		return "", fmt.Errorf("GET %s: %s", url, p.Output())
	}
	return p.Stdout(), nil
}

// queries is how many queries for a type the server counts.
func (ns *namespace) queries(t *testing.T, qtype string) (n int) {
	t.Helper()
	out, err := ns.fetch(t, "http://127.0.0.1:9153/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "coredns_dns_requests_total{") && strings.Contains(line, `type="`+qtype+`"`) {
			fields := strings.Fields(line)
			count, err := strconv.Atoi(fields[len(fields)-1])
			if err != nil {
				t.Fatal(err)
			}
			n += count
		}
	}
	return n
}
