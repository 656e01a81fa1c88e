//go:build acceptance

package acceptance_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// client is a program that asks for records, or a resolver that programs are linked
// with.
type client struct {
	name string
	// needs are the programs that it takes.
	needs []string
	// prepare, which can be nil, makes the client's program and returns its path.
	prepare func(t *testing.T) string
	// command asks for a type and a name, with the program that prepare has made.
	command func(t *testing.T, program, qtype, name string) harness.Command
	// parse reads what the command has printed.
	parse func(out string) answer
	// types are those that it can ask for. ANY stands for addresses of both families.
	types []string
	// nodata and nxdomain are its outcomes where there are no records, and no name.
	nodata, nxdomain string
	// echoes is true of one that shows the question as it has come back.
	echoes bool
	// truncated says that it has asked again by TCP; empty for one that doesn't say.
	truncated string
	// partial is true of one that takes what is in a truncated answer for all.
	partial bool
}

// answer is what a client says of a question. An address in records has the form
// of package netip, and a name its dot at the end.
type answer struct {
	outcome string // found unless there are no records
	records []string
	output  string
}

// found is the outcome where there are records.
const found = "found"

// clients are all that ask the server itself, by 127.0.0.1 or resolv.conf.
func clients() []client {
	return slices.Concat(tools(), resolvers())
}

// fixture is what the clients ask for; each has a service of its own to change.
type fixture struct {
	ns          *namespace
	empty, wide *service
}

// wideSize is how many instances have answers over any size that is for UDP.
const wideSize = 300

// goneWithin is how long an instance that was unregistered may be seen: the TTL of 5 s,
// where a resolver caches, and what the commands take on a machine that is busy.
const goneWithin = 10 * time.Second

// TestClients has each client report what is registered: instances, one of them
// removed, a service of which none is up, a name that doesn't exist, names in
// upper case, and more records than UDP takes.
func TestClients(t *testing.T) {
	t.Parallel()
	var programs []string
	for _, c := range clients() {
		programs = append(programs, c.needs...)
	}
	need(t, programs...)
	f := fixture{ns: newServer(t), empty: newEmpty("empty"), wide: newWide("wide", wideSize)}
	services := []*service{f.empty, f.wide}
	for _, c := range clients() {
		services = append(services, newService("orders-"+c.name))
	}
	f.ns.store(t, services...)
	for _, s := range services[1:] {
		f.ns.awaitServed(t, s)
	}
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var program string
			if c.prepare != nil {
				program = c.prepare(t)
			}
			asker := asker{f: f, client: c, program: program}
			asker.test(t, newService("orders-"+c.name))
		})
	}
}

// asker asks by a client.
type asker struct {
	f       fixture
	client  client
	program string
}

// ask asks once. The client has to end well, whatever it finds.
func (a *asker) ask(t *testing.T, qtype, name string) answer {
	t.Helper()
	c := a.client.command(t, a.program, qtype, name)
	c.Name = a.client.name + " " + qtype + " " + name
	p := a.f.ns.start(t, c)
	if code := p.Wait(t, harness.Patience); code != 0 {
		t.Fatalf("%s: exit code %d", p, code)
	}
	ans := a.client.parse(p.Stdout())
	ans.output = p.Output()
	for i, record := range ans.records {
		if address, err := netip.ParseAddr(record); err == nil {
			ans.records[i] = address.String()
		}
	}
	return ans
}

// want asks for records that there are, in any order; names in them are compared
// without case.
func (a *asker) want(t *testing.T, qtype, name string, records []string) (answer, error) {
	t.Helper()
	ans := a.ask(t, qtype, name)
	if err := ans.is(records); err != nil {
		return ans, fmt.Errorf("%s for %s %s: %w\n%s", a.client.name, qtype, name, err, ans.output)
	}
	return ans, nil
}

// is says how an answer differs from records.
func (ans answer) is(records []string) error {
	got := []string{ans.outcome}
	for _, r := range ans.records {
		got = append(got, strings.ToLower(r))
	}
	return same(got, append([]string{found}, records...))
}

// wantOutcome asks for a name that has no records of a type.
func (a *asker) wantOutcome(t *testing.T, qtype, name, outcome string) {
	t.Helper()
	if ans := a.ask(t, qtype, name); ans.outcome != outcome || len(ans.records) > 0 {
		t.Errorf("%s for %s %s: got %q %q, want %q\n%s", a.client.name, qtype, name, ans.outcome, ans.records, outcome, ans.output)
	}
}

func (a *asker) test(t *testing.T, s *service) {
	t.Helper()
	for _, host := range []string{s.host(), strings.ToUpper(s.host())} {
		if err := a.present(t, s, host); err != nil {
			t.Error(err)
		}
	}
	a.absent(t, s)
	a.wide(t)
	a.f.ns.unregister(t, s, "b")
	took := harness.Eventually(t, goneWithin, "b gone for "+a.client.name, func() error {
		return a.present(t, s.without("b"), s.host())
	})
	t.Logf("b was gone for %s after %v", a.client.name, took.Round(time.Millisecond))
	a.wantOutcome(t, "A", "b."+s.host(), a.client.nxdomain)
}

// present asks for what a service has, by its name in one case or the other.
func (a *asker) present(t *testing.T, s *service, host string) error {
	t.Helper()
	v4, v6 := s.families()
	first := s.Instances[0]
	for _, want := range []struct {
		qtype, name string
		records     []string
	}{
		{"A", host, v4},
		{"AAAA", host, v6},
		{"ANY", host, s.addresses()},
		{"SRV", "_http._tcp." + host, s.srvs()},
		{"A", "a." + host, first.Addresses[:1]},
		{"TXT", "a." + host, []string{"version=" + first.Metadata["version"]}},
	} {
		if !slices.Contains(a.client.types, want.qtype) {
			continue
		}
		ans, err := a.want(t, want.qtype, want.name, want.records)
		if err != nil {
			return err
		}
		if a.client.echoes && !strings.Contains(ans.output, want.name) {
			return fmt.Errorf("%s: the question for %s has not come back as it was asked:\n%s", a.client.name, want.name, ans.output)
		}
	}
	return nil
}

// absent asks for what isn't there.
func (a *asker) absent(t *testing.T, s *service) {
	t.Helper()
	for _, qtype := range a.client.types {
		a.wantOutcome(t, qtype, a.f.empty.host(), a.client.nodata)
		a.wantOutcome(t, qtype, "_tcp."+s.host(), a.client.nodata)
		a.wantOutcome(t, qtype, "nobody."+zone, a.client.nxdomain)
	}
}

// wide asks for more than a UDP answer holds.
func (a *asker) wide(t *testing.T) {
	t.Helper()
	s := a.f.wide
	for _, qtype := range a.client.types {
		name, records := s.host(), s.addresses()
		switch qtype {
		case "SRV":
			name, records = s.srvName(), s.srvs()
		case "AAAA", "TXT":
			continue // it has none
		}
		if a.client.partial {
			ans := a.ask(t, qtype, name)
			if len(ans.records) == 0 || slices.ContainsFunc(ans.records, func(r string) bool { return !slices.Contains(records, r) }) {
				t.Errorf("%s for %s %s: got %q, want some of %q", a.client.name, qtype, name, ans.records, records)
			}
			continue
		}
		ans, err := a.want(t, qtype, name, records)
		if err != nil {
			t.Error(err)
		}
		if !strings.Contains(ans.output, a.client.truncated) {
			t.Errorf("%s for %s %s doesn't say %q:\n%s", a.client.name, qtype, name, a.client.truncated, ans.output)
		}
	}
}
