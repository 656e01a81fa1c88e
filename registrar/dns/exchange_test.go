package dns

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/registrar"
)

// serve starts a DNS server on a port of its own, by UDP and TCP, and returns its address.
func serve(t testing.TB, handler dns.HandlerFunc) string {
	t.Helper()
	packets, listener := listen(t)
	address := packets.LocalAddr().String()
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: listener, Handler: handler}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.ActivateAndServe() })
		<-started
		t.Cleanup(func() {
			_ = s.Shutdown()
			wg.Wait()
		})
	}
	return address
}

// listen returns sockets for UDP and TCP at one port, which is free for both.
func listen(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", packets.LocalAddr().String())
		if err == nil {
			return packets, listener
		}
		_ = packets.Close()
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
	}
}

// respond answers from records, cut to the size of the network.
func respond(records *server) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := records.answer(q)
		if _, udp := w.LocalAddr().(*net.UDPAddr); udp {
			m.Truncate(int(q.IsEdns0().UDPSize()))
		}
		_ = w.WriteMsg(m)
	}
}

// TestExchange asks a real server, for a service that has room in UDP and one that hasn't.
func TestExchange(t *testing.T) {
	t.Parallel()
	lines := slices.Clone(orders)
	for i := range 100 {
		id := string(rune('a'+i/10)) + string(rune('a'+i%10))
		lines = append(lines, "large.default SRV 0 100 80 "+id+".large.default", id+".large.default A 10.0.1."+string(rune('1'+i%9)))
	}
	address := serve(t, respond(&server{records: parse(t, lines...)}))
	c, err := registrar.Open(t.Context(), Name, registrar.WithEndpoints(address), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, want := range map[string]int{"orders": 2, "large": 100} {
		if s, err := c.GetService(t.Context(), name); err != nil || len(s.Instances) != want {
			t.Errorf("%s: %d instances, %v, want %d", name, len(shownAll(s)), err, want)
		}
	}
}

// TestWrongID: a response that may be forged is not taken, and the right one behind it is.
func TestWrongID(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		m.Id++
		m.Answer = rrs(t, []string{q.Question[0].Name + " 5 IN A 10.66.66.66"})
		_ = w.WriteMsg(m)
		m.Id--
		m.Answer = nil
		_ = w.WriteMsg(m)
	})
	m := new(dns.Msg)
	m.SetQuestion("a.orders.default.svc.internal.", dns.TypeA)
	r, err := exchange(t.Context(), "udp", address, m)
	if err != nil || len(r.Answer) > 0 {
		t.Errorf("got %v, %v", r, err)
	}
}

// TestRandomPortsAndIDs: each question has its own.
func TestRandomPortsAndIDs(t *testing.T) {
	t.Parallel()
	type from struct {
		port string
		id   uint16
	}
	var mu sync.Mutex
	seen := map[from]bool{}
	ports := map[string]bool{}
	records := &server{records: parse(t, orders...)}
	address := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		mu.Lock()
		seen[from{w.RemoteAddr().String(), q.Id}] = true
		ports[w.RemoteAddr().String()] = true
		mu.Unlock()
		respond(records)(w, q)
	})
	asking := &client{servers: &servers{listed: []string{address}}, exchange: exchange}
	for range 20 {
		if _, err := asking.ask(t.Context(), "orders.default.svc.internal.", dns.TypeSRV); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 20 || len(ports) < 15 {
		t.Errorf("20 questions came from %d ports, with %d different IDs there", len(ports), len(seen))
	}
}

// TestExchangeEnds with its context, at once.
func TestExchangeEnds(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 2)
	address := serve(t, func(dns.ResponseWriter, *dns.Msg) { arrived <- struct{}{} })
	for _, network := range []string{"udp", "tcp"} {
		ctx, cancel := context.WithCancel(t.Context())
		m := new(dns.Msg)
		m.SetQuestion("orders.default.svc.internal.", dns.TypeSRV)
		ended := make(chan error, 1)
		go func() {
			_, err := exchange(ctx, network, address, m)
			ended <- err
		}()
		<-arrived
		cancel()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v", network, err)
		}
	}
}
