package roster

import (
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
)

// TestFastpathReload: reloads take no answer away from clients who ask all the time, with
// the fast path or without in the Corefile that is loaded.
func TestFastpathReload(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	port := freePort(t)
	server := "dns://127.0.0.1:" + port
	s := startServer(t, fmt.Sprintf(fastCorefile, port, endpoint, "", "fastpath"))
	taken := takenPort(t)
	load := startLoad(t, "127.0.0.1:"+port)
	for i := range 10 {
		answered, _ := packets(server)
		corefile := fmt.Sprintf(fastCorefile, port, endpoint, "", "fastpath\nttl "+fmt.Sprint(10+i))
		bad := ""
		switch i % 4 {
		case 2: // turned down
			bad = "example.net:0 {\n roster {\n fastpath\n}\n}\n"
		case 3: // fails when the new listeners are open
			bad = fmt.Sprintf("example.net:%s {\n bind 127.0.0.1\n whoami\n}\n", taken)
		}
		if err := s.reload(t, corefile+bad); (err != nil) != (bad != "") {
			t.Fatalf("reload %d: error %v", i, err)
		}
		load.await(t, 200)
		if now, _ := packets(server); now == answered {
			t.Errorf("reload %d: the fast path answers no more", i)
		}
	}
	load.stop(t)
}

// TestFastpathToggle: reloads that begin and end the fast path take no answer away either,
// nor do those that would begin it and fail.
func TestFastpathToggle(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	port := freePort(t)
	server := "dns://127.0.0.1:" + port
	s := startServer(t, fmt.Sprintf(fastCorefile, port, endpoint, "", ""))
	fails := fmt.Sprintf("example.net:%s {\n bind 127.0.0.1\n whoami\n}\n", takenPort(t))
	load := startLoad(t, "127.0.0.1:"+port)
	for i := range 10 {
		property := ""
		if i%2 == 0 {
			property = "fastpath"
		}
		corefile := fmt.Sprintf(fastCorefile, port, endpoint, "", property)
		if err := s.reload(t, corefile+fails); err == nil {
			t.Fatal("a port that is taken is no error")
		}
		load.await(t, 50)
		if err := s.reload(t, corefile); err != nil {
			t.Fatal(err)
		}
		before, _ := packets(server)
		load.await(t, 200)
		if now, _ := packets(server); (now > before) != (property != "") {
			t.Errorf("reload %d: %v answers on the fast path with property %q", i, now-before, property)
		}
	}
	load.stop(t)
}

// TestFastpathEndsLate: what was handed over, and takes its time, is answered to who has
// asked, also where a reload ends the fast path meanwhile.
func TestFastpathEndsLate(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	const late = "late.example."
	asked, answer := make(chan struct{}, 10), make(chan struct{})
	upstream := startUpstream(t, func(w dns.ResponseWriter, req *dns.Msg) {
		if req.Question[0].Name == late { // not to see whether it is there
			asked <- struct{}{}
			<-answer
		}
		_ = w.WriteMsg(new(dns.Msg).SetReply(req)) // without it the client gets none
	})
	port := freePort(t)
	corefile := func(property string) string {
		return fmt.Sprintf(fastCorefile+".:%[1]s {\n bind 127.0.0.1\n forward . %[5]s\n}\n", port, endpoint, "", property, upstream)
	}
	s := startServer(t, corefile("fastpath"))
	client, reload := make(chan []byte), make(chan error)
	go func() { client <- askRaw(t, "127.0.0.1:"+port, query(late+" A")) }()
	<-asked
	go func() { reload <- s.reload(t, corefile("")) }()
	hot := query("orders.default.svc.internal. A")
	for before, now := -1.0, 0.0; now > before; now, _ = packets("dns://127.0.0.1:" + port) {
		before = now
		askRaw(t, "127.0.0.1:"+port, hot)
	}
	for range 200 { // some time goes by, in which sockets could be closed
		askRaw(t, "127.0.0.1:"+port, hot)
	}
	close(answer)
	if got := unpacked(t, <-client); got.Rcode != dns.RcodeSuccess {
		t.Errorf("got %v", got)
	}
	if err := <-reload; err != nil {
		t.Error(err)
	}
}

// TestHandoverEnds: a handover ends as soon as the next listener serves, whenever that is, or
// with the sockets if none does, also where the next one is ended first.
func TestHandoverEnds(t *testing.T) {
	for _, serves := range []bool{true, false} {
		t.Run(fmt.Sprintf("next serves=%v", serves), func(t *testing.T) {
			addr := "dns://127.0.0.1:" + freePort(t)
			server := &dnsserver.Server{Addr: addr}
			p := &groups{groups: map[string]*group{}}
			first, next := &fastListener{addr: addr}, &fastListener{addr: addr}
			for _, l := range []*fastListener{first, next} {
				if err := p.acquire(l); err != nil {
					t.Fatal(err)
				}
			}
			if err := first.serve(server); err != nil {
				t.Fatal(err)
			}
			h := first.handover
			released := make(chan error, 1)
			if serves {
				if err := next.serve(server); err != nil {
					t.Error(err)
				}
				wantEnded(t, h)
				released <- p.release(first)
			} else {
				go func() { released <- p.release(first) }()
				awaitStopped(first)
			}
			if err := p.release(next); err != nil {
				t.Error(err)
			}
			wantEnded(t, next.group.handover)
			wantEnded(t, h)
			if err := <-released; err != nil {
				t.Error(err)
			}
		})
	}
}

// wantEnded waits until a handover has ended.
func wantEnded(t *testing.T, h *handover) {
	t.Helper()
	select {
	case <-h.done:
	case <-time.After(30 * time.Second):
		t.Error("the handover goes on")
	}
}

// awaitStopped returns once release has stopped a listener.
func awaitStopped(l *fastListener) {
	for stopped := false; !stopped; runtime.Gosched() {
		l.group.mu.Lock()
		stopped = l.stopped
		l.group.mu.Unlock()
	}
}

// startUpstream starts a DNS server over UDP, and returns its address.
func startUpstream(t *testing.T, answer dns.HandlerFunc) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started, ended := make(chan struct{}), make(chan struct{})
	server := &dns.Server{PacketConn: conn, Handler: answer, NotifyStartedFunc: func() { close(started) }}
	go func() {
		defer close(ended)
		_ = server.ActivateAndServe() // until Shutdown
	}()
	<-started
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return conn.LocalAddr().String()
}

// takenPort returns a port of 127.0.0.1 at which nobody else can listen.
func takenPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
