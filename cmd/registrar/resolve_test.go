package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// recordDNS is a DNS server with these records; over UDP it has no room for any.
type recordDNS struct {
	records []string
	rcode   int // of answers without records
	status  []string

	// behind is how many questions for its status, and how many others, are answered by
	// what there was before the last change: without the last record, at revision 1.
	behind                    int32
	askedStatus, askedRecords atomic.Int32
}

// ServeDNS implements dns.Handler.
func (d *recordDNS) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	question := q.Question[0]
	records, status := d.records, d.status
	if strings.HasPrefix(question.Name, "_status.") {
		if d.askedStatus.Add(1) <= d.behind {
			status = []string{"state=live", "revision=1"}
		}
	} else if d.askedRecords.Add(1) <= d.behind {
		records = d.records[:len(d.records)-1]
	}
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		if rr.Header().Name == question.Name && rr.Header().Rrtype == question.Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	for _, s := range status {
		if strings.HasPrefix(question.Name, "_status.") {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{s}})
		}
	}
	if len(m.Answer) == 0 {
		m.Rcode = d.rcode
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp && len(m.Answer) > 0 {
		m.Answer, m.Truncated = nil, true
	}
	_ = w.WriteMsg(m)
}

// recordsOf returns the records of orders for some instances of withOrders.
func recordsOf(ids ...string) (records []string) {
	for _, id := range ids {
		address := map[string]string{"a": "10.0.0.7", "b": "10.0.0.8", "c": "10.0.0.9"}[id]
		records = append(records, "orders.default.svc.internal. 5 IN A "+address)
	}
	return records
}

func TestResolve(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	for _, tt := range []struct {
		name, service string
		dns           *recordDNS
		code          int
		stdout        string
		stderr        string // with SERVER for the server
	}{
		{
			"equal", "orders",
			&recordDNS{records: recordsOf("c", "a", "b")},
			exitOK,
			"TYPE  RECORD    DNS  ETCD\nA     10.0.0.7  yes  yes\nA     10.0.0.8  yes  yes\nA     10.0.0.9  yes  yes\n", "",
		},
		{
			"one is missing", "orders",
			&recordDNS{records: recordsOf("a", "b")},
			exitFailure,
			"TYPE  RECORD    DNS  ETCD\nA     10.0.0.7  yes  yes\nA     10.0.0.8  yes  yes\nA     10.0.0.9  no   yes\n",
			"registrar: resolving orders.default.svc.internal.: SERVER and etcd differ in 1 of 3 records\n",
		},
		{
			"it is behind", "default/orders",
			&recordDNS{records: recordsOf("a", "b"), status: []string{"state=live", "revision=1"}},
			exitFailure,
			"A     10.0.0.9  no   yes\n",
			"registrar: resolving orders.default.svc.internal.: SERVER and etcd differ in 1 of 3 records: it is at revision 1, the last change at 2\n",
		},
		{
			"it is stale", "orders.default.svc.internal",
			&recordDNS{records: recordsOf("a", "b"), status: []string{"state=stale", "revision=1", "age=70"}},
			exitFailure,
			"A     10.0.0.9  no   yes\n",
			"registrar: resolving orders.default.svc.internal.: SERVER and etcd differ in 1 of 3 records: it has had no contact with etcd for 70 s (state stale)\n",
		},
		{
			"of an instance", "b.orders.default.svc.internal.",
			&recordDNS{records: []string{"b.orders.default.svc.internal. 5 IN A 10.0.0.8"}},
			exitOK,
			"TYPE  RECORD    DNS  ETCD\nA     10.0.0.8  yes  yes\n", "",
		},
		{
			"neither", "carts",
			&recordDNS{rcode: dns.RcodeNameError},
			exitNotFound, "",
			"registrar: resolving carts.default.svc.internal.: not found: neither SERVER nor etcd has a record\n",
		},
		{
			"a refusal", "orders",
			&recordDNS{rcode: dns.RcodeServerFailure},
			exitFailure,
			"A     10.0.0.7  no   yes\n",
			"registrar: resolving orders.default.svc.internal.: SERVER answers SERVFAIL\n",
		},
		{
			"both refuse", "carts",
			&recordDNS{rcode: dns.RcodeRefused},
			exitFailure, "",
			"registrar: resolving carts.default.svc.internal.: SERVER answers REFUSED\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := serveDNS(t, tt.dns)
			stdout, stderr := s.do(t, "", tt.code, "resolve", tt.service, "--server", addr)
			if !strings.Contains(stdout, tt.stdout) || stderr != strings.ReplaceAll(tt.stderr, "SERVER", addr) {
				t.Errorf("it wrote\n%sand said %q; want\n%s%q", stdout, stderr, tt.stdout, tt.stderr)
			}
		})
	}
}

func TestResolveForPrograms(t *testing.T) {
	t.Parallel()
	addr := serveDNS(t, &recordDNS{records: append(recordsOf("a"), "orders.default.svc.internal. 5 IN AAAA 2001:db8::9")})
	s := newShop()
	s.do(t, "", exitOK, "register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "80", "--static")
	stdout, _ := s.do(t, "", exitFailure, "resolve", "orders", "--server", addr, "-o", "jsonl")
	want := `{"name":"orders.default.svc.internal.","server":"` + addr + `","revision":2,"equal":false,"records":[` +
		`{"type":"SRV","data":"0 100 80 a.orders.default.svc.internal.","dns":false,"etcd":true},` +
		`{"type":"A","data":"10.0.0.7","dns":true,"etcd":true},{"type":"AAAA","data":"2001:db8::9","dns":true,"etcd":false}]}` + "\n"
	if stdout != want {
		t.Errorf("it wrote\n%swant\n%s", stdout, want)
	}
}

// TestResolveByAlias shows that services are read that the policy names.
func TestResolveByAlias(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.do(t, "", exitOK, "policy", "set", "shop/cart", "--alias", "default/orders")
	addr := serveDNS(t, &recordDNS{records: []string{
		"cart.shop.svc.internal. 5 IN A 10.0.0.7", "cart.shop.svc.internal. 5 IN A 10.0.0.8", "cart.shop.svc.internal. 5 IN A 10.0.0.9",
	}})
	s.do(t, "", exitOK, "resolve", "shop/cart", "--server", addr)
}

// TestResolveBySystemServer has the server come from resolv.conf.
func TestResolveBySystemServer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	for _, text := range []string{"", "search example.org\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		b := newBench(newShop().open())
		b.app.resolvConf = path
		code, _, stderr := b.run(t, "resolve", "orders")
		if want := fmt.Sprintf("registrar: looking for a DNS server: file %q names no server: use --server\n", path); code != exitFailure || stderr != want {
			t.Errorf("exit code %d; it said %q, want %q", code, stderr, want)
		}
	}
}
