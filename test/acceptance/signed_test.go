//go:build acceptance

package acceptance_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// signedZone is what the stock dnssec plugin signs.
const signedZone = "svc.internal."

const signedCorefile = `svc.internal:{{port "dns"}} {
	bind 127.0.0.1
	roster {
		endpoint ETCD
	}
	dnssec {
		key file KEY
	}
	bufsize 1232
	errors
	ready 127.0.0.1:{{port "ready"}}
	prometheus 127.0.0.1:{{port "metrics"}}
}
`

// signed is a server with a zone that is signed.
type signed struct {
	*harness.CoreDNS
	etcd *harness.Etcd
	key  *dns.DNSKEY
}

func startSigned(t *testing.T) *signed {
	t.Helper()
	s := &signed{etcd: harness.StartEtcd(t, harness.EtcdOptions{})}
	for i := range 3 {
		s.put(t, fmt.Sprintf("orders/i%d", i), fmt.Sprintf(
			`"addresses":["10.1.0.%d","2001:db8::1:%d"],"metadata":{"alpn":"h2","version":"1"},"ports":[{"name":"http","port":8080}]`, i+1, i+1))
	}
	for i := range 9 {
		s.put(t, fmt.Sprintf("some/i%d", i), fmt.Sprintf(`"addresses":["10.3.0.%d"],"ports":[{"name":"http","port":8080}]`, i+1))
	}
	s.put(t, "some/_policy", `"max_answers":3`)
	s.put(t, "four/a", `"addresses":["10.4.0.1"],"metadata":{"alpn":"h2"},"ports":[{"name":"http","port":8080}]`)
	s.put(t, "changes/a", `"addresses":["10.5.0.1"]`)
	s.put(t, "db/main", `"host":"i0.orders.default.svc.internal"`)
	s.put(t, "nowhere/main", `"host":"nobody.default.svc.internal"`)
	s.put(t, "moves/main", `"host":"a.four.default.svc.internal","status":"down"`)
	var file string
	s.key, file = makeKey(t)
	s.CoreDNS = harness.StartCoreDNS(t, strings.NewReplacer("ETCD", s.etcd.Endpoints[0], "KEY", file).Replace(signedCorefile))
	return s
}

func (s *signed) put(t *testing.T, key, value string) {
	t.Helper()
	if _, err := s.etcd.Client().Put(t.Context(), "/roster/default/"+key, `{"static":true,`+value+"}"); err != nil {
		t.Fatal(err)
	}
}

// makeKey makes a key for the dnssec plugin and returns the name of its files.
func makeKey(t *testing.T) (key *dns.DNSKEY, base string) {
	t.Helper()
	key = &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: signedZone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	base = filepath.Join(t.TempDir(), fmt.Sprintf("K%s+%03d+%05d", signedZone, key.Algorithm, key.KeyTag()))
	if err := errors.Join(
		os.WriteFile(base+".key", []byte(key.String()+"\n"), 0o600),
		os.WriteFile(base+".private", []byte(key.PrivateKeyString(private)), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	return key, base
}

// ask asks the server itself with DO.
func (s *signed) ask(t *testing.T, name string, qtype uint16) *dns.Msg {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, qtype)
	m.SetEdns0(harness.DefaultSize, true)
	got, err := dns.Exchange(m, s.Addr(t))
	if err != nil {
		t.Fatal(err)
	}
	return got
}
