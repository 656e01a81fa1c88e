package main

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// fakeDNS is a DNS server for svc.internal, over UDP and TCP of one port.
type fakeDNS struct {
	addr string

	mu        sync.Mutex
	status    []string // the strings of _status, a record each
	rcode     int      // of _status
	absent    bool     // instances don't exist
	host      bool     // what doesn't exist is the host of an instance
	truncates bool     // over UDP
	silent    bool     // it never answers
	questions int
}

func startDNS(t *testing.T, d *fakeDNS) *fakeDNS {
	t.Helper()
	d.addr = serveDNS(t, d)
	return d
}

// serveDNS answers over UDP and TCP of one port until the test ends, and returns its
// address.
func serveDNS(t *testing.T, handler dns.Handler) string {
	t.Helper()
	l, p := listenBoth(t)
	for _, s := range []*dns.Server{{Listener: l, Handler: handler}, {PacketConn: p, Handler: handler}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		ended := make(chan struct{})
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
	return l.Addr().String()
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

// at is a server that is live at a revision.
func at(revision int) *fakeDNS {
	return &fakeDNS{status: []string{"state=live", fmt.Sprintf("revision=%d", revision), "age=0", "serial=7", "instances=1"}}
}

func (d *fakeDNS) set(change func(*fakeDNS)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// asked counts the questions.
func (d *fakeDNS) asked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.questions
}

// ServeDNS implements dns.Handler.
func (d *fakeDNS) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.questions++
	if d.silent {
		return
	}
	m := new(dns.Msg).SetReply(q)
	name := q.Question[0].Name
	hdr := dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}
	switch {
	case !strings.HasSuffix(name, ".svc.internal."):
		m.Rcode = dns.RcodeRefused
	case d.truncates && w.RemoteAddr().Network() == "udp":
		m.Truncated = true
	case name == "_status.svc.internal.":
		m.Rcode = d.rcode
		for _, s := range d.status {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: hdr, Txt: []string{s}})
		}
	case d.absent:
		m.Rcode = dns.RcodeNameError
		if d.host {
			hdr.Rrtype = dns.TypeCNAME
			m.Answer = append(m.Answer, &dns.CNAME{Hdr: hdr, Target: "nowhere.example."})
		}
	default:
		m.Answer = append(m.Answer, &dns.TXT{Hdr: hdr, Txt: []string{""}})
	}
	_ = w.WriteMsg(m)
}
