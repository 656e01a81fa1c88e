package dnsserver_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/cmd/registrar/internal/dnsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers over UDP and TCP of one port until the test ends.
func serve(t *testing.T, handler dns.HandlerFunc) dnsserver.Server {
	t.Helper()
	l, p := listenBoth(t)
	for _, s := range []*dns.Server{{Listener: l, Handler: handler}, {PacketConn: p, Handler: handler}} {
		started, ended := make(chan struct{}), make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() {
			defer close(ended)
			_ = s.ActivateAndServe()
		}()
		<-started
		t.Cleanup(func() {
			_ = s.Shutdown()
			<-ended
		})
	}
	return dnsserver.Server(l.Addr().String())
}

// listenBoth listens on a port that is free for TCP and UDP.
func listenBoth(t *testing.T) (net.Listener, net.PacketConn) {
	t.Helper()
	for {
		p, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", p.LocalAddr().String())
		if err == nil {
			return l, p
		}
		_ = p.Close() // the port is a connection's: another one
	}
}

// texts returns TXT records of a question.
func texts(q *dns.Msg, texts ...string) (records []dns.RR) {
	for _, text := range texts {
		records = append(records, &dns.TXT{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{text}})
	}
	return records
}

// TestAskByTCP shows that an answer that UDP has no room for comes by TCP, and that more
// than 512 octets may come by UDP.
func TestAskByTCP(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if opt := q.IsEdns0(); opt == nil || opt.UDPSize() != dnsserver.Size {
			m.Rcode = dns.RcodeFormatError
		} else if w.RemoteAddr().Network() == "udp" {
			m.Truncated = true
		} else {
			m.Answer = texts(q, "by TCP")
		}
		_ = w.WriteMsg(m)
	})
	m, err := server.Ask(t.Context(), "a.example", dns.TypeTXT)
	if err != nil || len(m.Answer) != 1 || m.Truncated {
		t.Errorf("%v, %v", m, err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		switch q.Question[0].Name {
		case "_status.one.":
			m.Answer = texts(q, "state=stale", "revision=42", "age=70", "serial=4294967295", "instances=3", "new=x")
		case "_status.other.":
			m.Answer = texts(q, "state=live")
		default:
			m.Rcode = dns.RcodeRefused
		}
		_ = w.WriteMsg(m)
	})
	status, err := server.Status(t.Context(), "one")
	want := dnsserver.Status{State: dnsserver.Stale, Revision: 42, Age: 70 * time.Second, Serial: 4294967295, Instances: 3}
	if err != nil || status != want {
		t.Errorf("%+v, %v; want %+v", status, err, want)
	}
	if _, err := server.Status(t.Context(), "other"); err == nil || !strings.Contains(err.Error(), "states no revision: check --zone") {
		t.Errorf("without a revision: %v", err)
	}
	if _, err := server.Status(t.Context(), "third"); err == nil || err.Error() != "it answers REFUSED for _status.third: check --zone" {
		t.Errorf("of another zone: %v", err)
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	explained := new(dns.Msg).SetEdns0(1232, false)
	explained.Rcode = dns.RcodeServerFailure
	opt := explained.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeNotReady, ExtraText: "no list of etcd yet"})
	for _, tt := range []struct {
		m    *dns.Msg
		want string
	}{
		{&dns.Msg{}, ""},
		{&dns.Msg{MsgHdr: dns.MsgHdr{Rcode: dns.RcodeNameError}}, ""},
		{&dns.Msg{MsgHdr: dns.MsgHdr{Rcode: dns.RcodeRefused}}, "REFUSED"},
		{explained, "SERVFAIL (Not Ready: no list of etcd yet)"},
	} {
		if got := dnsserver.Refusal(tt.m); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"127.0.0.1:53", "[::1]:53", "ns.example.com:5353"} {
		if got, err := dnsserver.Parse(s); err != nil || string(got) != s {
			t.Errorf("%s: %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "127.0.0.1", ":53", "127.0.0.1:0", "127.0.0.1:70000", "::1:53"} {
		if _, err := dnsserver.Parse(s); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}

func TestOfSystem(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("search example.org\nnameserver 10.0.0.2\nnameserver 2001:db8::2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := dnsserver.OfSystem(path)
	if want := []dnsserver.Server{"10.0.0.2:53", "[2001:db8::2]:53"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if _, err := dnsserver.OfSystem(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is no error")
	}
}
