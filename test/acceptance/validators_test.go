//go:build acceptance

package acceptance_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// validated is what a validator says of a question.
type validated struct {
	// secure is true of an answer, or of a proof that there is none.
	secure bool
	// records are those of the type that was asked for.
	records int
	output  string
}

// validator asks the server and checks the signatures.
type validator interface {
	ask(t *testing.T, name string, qtype uint16) validated
}

// delv is BIND's validator as a program, which has no cache.
type delv struct {
	server string // address and port
	anchor string // path of a file
}

// newDelv has it trust the key of a zone.
func newDelv(t *testing.T, server string, key *dns.DNSKEY) delv {
	t.Helper()
	anchor := filepath.Join(t.TempDir(), "anchor")
	text := fmt.Sprintf("trust-anchors { %q static-key %d %d %d %q; };\n",
		key.Hdr.Name, key.Flags, key.Protocol, key.Algorithm, key.PublicKey)
	if err := os.WriteFile(anchor, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return delv{server: server, anchor: anchor}
}

func (d delv) ask(t *testing.T, name string, qtype uint16) validated {
	t.Helper()
	host, port, err := net.SplitHostPort(d.server)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"@" + host, "-p", port, "-a", d.anchor, "+root=" + signedZone, name, dns.TypeToString[qtype]}
	p := harness.Start(t, harness.Command{Name: "delv", Path: "delv", Args: args})
	p.Wait(t, harness.Patience) // what it prints says more than its exit code
	got := validated{output: p.Output(), secure: strings.Contains(p.Stdout(), "fully validated")}
	for line := range strings.Lines(got.output) {
		fields := strings.Fields(line)
		switch {
		case strings.Contains(line, "unsigned answer"), strings.Contains(line, "not validated"):
			got.secure = false
		case strings.Contains(line, "resolution failed"): // which it says of a proof that holds, too
			got.secure = got.secure && strings.Contains(line, "ncache nxrrset")
		case !strings.HasPrefix(line, ";") && len(fields) > 3 && fields[3] == dns.TypeToString[qtype]:
			got.records++
		}
	}
	return got
}

// unboundValidator is a resolver that validates, and has a cache.
type unboundValidator struct {
	addr string
}

// validatorConfig has Unbound write names in random case, too.
const validatorConfig = `
server:
	interface: 127.0.0.1@%d
	do-daemonize: no
	use-syslog: no
	username: ""
	chroot: ""
	pidfile: ""
	verbosity: 1
	val-log-level: 2
	do-not-query-localhost: no
	minimal-responses: no
	use-caps-for-id: yes
	module-config: "validator iterator"
	aggressive-nsec: %s
	trust-anchor: %q
	local-zone: "internal." nodefault
stub-zone:
	name: %q
	stub-addr: %s
remote-control:
	control-enable: no
`

// startValidator starts Unbound with or without aggressive-nsec (RFC 8198): then it
// denies types by the NSEC records that it has in its cache.
func startValidator(t *testing.T, server string, key *dns.DNSKEY, aggressive string) unboundValidator {
	t.Helper()
	port := harness.FreePort(t)
	config := filepath.Join(t.TempDir(), "unbound.conf")
	text := fmt.Sprintf(validatorConfig, port, aggressive,
		strings.ReplaceAll(key.String(), "\t", " "), signedZone, strings.Replace(server, ":", "@", 1))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := harness.Start(t, harness.Command{Name: "unbound", Path: "unbound", Args: []string{"-d", "-c", config}})
	p.WaitOutput(t, harness.Patience, "start of service", 1)
	return unboundValidator{addr: fmt.Sprintf("127.0.0.1:%d", port)}
}

// exchange asks it with DO.
func (u unboundValidator) exchange(t *testing.T, name string, qtype uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, qtype)
	q.SetEdns0(harness.DefaultSize, true)
	c := dns.Client{Timeout: harness.Patience}
	m, _, err := c.Exchange(q, u.addr)
	if err == nil && m.Truncated {
		c.Net = "tcp"
		m, _, err = c.Exchange(q, u.addr)
	}
	if err != nil {
		t.Fatalf("asking Unbound for %s %s: %v", name, dns.TypeToString[qtype], err)
	}
	return m
}

func (u unboundValidator) ask(t *testing.T, name string, qtype uint16) validated {
	t.Helper()
	m := u.exchange(t, name, qtype)
	return validated{
		secure:  m.Rcode == dns.RcodeSuccess && m.AuthenticatedData,
		records: countType(m.Answer, qtype),
		output:  m.String(),
	}
}

// countType returns how many records of a section are of a type.
func countType(section []dns.RR, qtype uint16) int {
	return len(slices.DeleteFunc(slices.Clone(section), func(rr dns.RR) bool { return rr.Header().Rrtype != qtype }))
}
