package batchudp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// deadline ends tests that hang: what they wait for takes milliseconds.
const deadline = time.Minute

// echo answers packets with its name and what they hold, but hands over those that
// begin with "over", which get the same answer, and says nothing to others.
type echo struct {
	name  string
	calls atomic.Int64
}

func (e *echo) Answer(p *Packet, buf []byte) ([]byte, bool) {
	e.calls.Add(1)
	switch {
	case bytes.HasPrefix(p.Data, []byte("over")):
		return nil, false
	case bytes.HasPrefix(p.Data, []byte("nothing")):
		return nil, true
	}
	buf = append(buf, e.name...)
	buf = append(buf, ' ')
	return append(buf, p.Data...), true
}

func (e *echo) HandOver(p *Packet) {
	peer := p.Peer()
	if _, err := peer.Write(fmt.Appendf(nil, "%s handed %s", e.name, p.Data)); err != nil {
		panic(err)
	}
}

// other is the server that a group shares its address with. It says "other" to
// whatever it is sent.
type other struct {
	*net.UDPConn
	done chan struct{}
}

func newOther(t *testing.T, addr string) *other {
	t.Helper()
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return control(c, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	}}
	pc, err := lc.ListenPacket(t.Context(), "udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	o := &other{pc.(*net.UDPConn), make(chan struct{})}
	go func() {
		defer close(o.done)
		buf := make([]byte, PacketSize)
		for {
			_, from, err := o.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if _, err := o.WriteToUDPAddrPort([]byte("other"), from); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() {
		_ = o.Close()
		<-o.done
	})
	return o
}

func open(t *testing.T, addr string, before int) *Group {
	t.Helper()
	return openSockets(t, addr, 3, before)
}

func openSockets(t *testing.T, addr string, sockets, before int) *Group {
	t.Helper()
	g, err := Open(t.Context(), Config{Address: addr, Sockets: sockets, Before: before, AnswerSize: PacketSize + 64})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// serve has a handler take a group's packets.
func serve(t *testing.T, g *Group, h Handler) {
	t.Helper()
	if err := g.Serve(h); err != nil {
		t.Fatal(err)
	}
}

func hasIPv6() bool {
	c, err := net.ListenPacket("udp", "[::1]:0")
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// at returns a free port at a host.
func at(t *testing.T, host string) string {
	t.Helper()
	c, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, port, err := net.SplitHostPort(c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort(host, port)
}

func portOf(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// client is connected: it is told nothing that comes from another address than the one
// it sends to.
type client struct {
	*net.UDPConn
	t *testing.T
}

func dial(t *testing.T, addr string) client {
	t.Helper()
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	return client{c.(*net.UDPConn), t}
}

func (c client) send(text string) {
	c.t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) receive() string {
	c.t.Helper()
	buf := make([]byte, 2*PacketSize)
	n, err := c.Read(buf)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(buf[:n])
}

func (c client) ask(text string) string {
	c.t.Helper()
	c.send(text)
	return c.receive()
}

// TestAnswers: packets are answered at each address that the sockets have, from
// that address, at once and after they were handed over.
func TestAnswers(t *testing.T) {
	t.Parallel()
	ipv6 := hasIPv6()
	for name, test := range map[string]struct {
		listen string
		ask    []string
	}{
		"one IPv4 address":   {"127.0.0.1", []string{"127.0.0.1"}},
		"all IPv4 addresses": {"0.0.0.0", []string{"127.0.0.1", "127.0.0.2", "127.1.2.3"}},
		"one IPv6 address":   {"::1", []string{"::1"}},
		"all addresses":      {"", []string{"127.0.0.1", "127.9.8.7", "::1"}},
		"all by ::":          {"::", []string{"127.0.0.2", "::1"}},
	} {
		if !ipv6 && slices.Contains(test.ask, "::1") {
			t.Logf("the host has no IPv6: %s is not tested", name)
			continue
		}
		for before := range 2 {
			t.Run(fmt.Sprintf("%s, %d before", name, before), func(t *testing.T) {
				t.Parallel()
				addr := at(t, test.listen)
				if before == 1 {
					newOther(t, addr)
				}
				g := open(t, addr, before)
				if before == 0 {
					newOther(t, addr)
				}
				serve(t, g, &echo{name: "group"})
				for _, host := range test.ask {
					for range 20 { // each from another port
						c := dial(t, net.JoinHostPort(host, portOf(t, addr)))
						if got := c.ask("a"); got != "group a" {
							t.Fatalf("%s says %q", host, got)
						}
						if got := c.ask("over b"); got != "group handed over b" {
							t.Fatalf("%s says %q", host, got)
						}
					}
				}
			})
		}
	}
}

// TestClose: what has come before is answered, and then the other server is the
// only one.
func TestClose(t *testing.T) {
	t.Parallel()
	for before := range 2 {
		t.Run(fmt.Sprintf("%d before", before), func(t *testing.T) {
			t.Parallel()
			addr := at(t, "127.0.0.1")
			if before == 1 {
				newOther(t, addr)
			}
			g := open(t, addr, before)
			if before == 0 {
				newOther(t, addr)
			}
			h := &gated{echo: echo{name: "group"}, gate: make(chan struct{})}
			serve(t, g, h)
			c := dial(t, addr)
			const count = 200 // fewer than the kernel has room for, more than a batch
			for i := range count {
				c.send(fmt.Sprint(i))
			}
			close(h.gate)
			if err := g.Close(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for range count {
				got = append(got, c.receive())
			}
			slices.Sort(got)
			if slices.Contains(got, "other") || len(slices.Compact(got)) != count {
				t.Errorf("got %q", got)
			}
			for range 50 {
				if got := dial(t, addr).ask("a"); got != "other" {
					t.Fatalf("a closed group is asked: %q", got)
				}
			}
		})
	}
}

// gated answers nothing before its gate is closed.
type gated struct {
	echo
	gate chan struct{}
}

func (g *gated) Answer(p *Packet, buf []byte) ([]byte, bool) {
	<-g.gate
	return g.echo.Answer(p, buf)
}

// TestStop: while a group stops, no packet is lost, and who was handed one over can
// answer it afterwards.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "0.0.0.0", ""} {
		for before := range 2 {
			t.Run(fmt.Sprintf("%q, %d before", host, before), func(t *testing.T) {
				t.Parallel()
				addr := at(t, host)
				if before == 1 {
					newOther(t, addr)
				}
				for range 10 {
					g := open(t, addr, before)
					if before == 0 {
						newOther(t, addr)
						before = 1 // for the next ones
					}
					stopUnderLoad(t, g, net.JoinHostPort("127.0.0.1", portOf(t, addr)))
				}
			})
		}
	}
}

// stopUnderLoad stops a group while clients ask.
func stopUnderLoad(t *testing.T, g *Group, addr string) {
	t.Helper()
	h := &keeper{peers: make(chan *Peer, 1)}
	serve(t, g, h)
	late := dial(t, addr)
	late.send("over")
	var clients sync.WaitGroup
	stopped := make(chan struct{})
	for range 4 {
		c := dial(t, addr)
		clients.Go(func() {
			for {
				select {
				case <-stopped:
					return
				default:
					c.ask("a")
				}
			}
		})
	}
	for h.calls.Load() < 50 {
		runtime.Gosched()
	}
	err := g.Stop()
	close(stopped)
	clients.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (<-h.peers).Write([]byte("late")); err != nil {
		t.Error(err)
	}
	if got := late.receive(); got != "late" {
		t.Errorf("got %q", got)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

// keeper keeps who is handed over to it.
type keeper struct {
	echo
	peers chan *Peer
}

func (k *keeper) HandOver(p *Packet) { k.peers <- p.Peer() }

// TestCloseUnused: a group can be closed that never served.
func TestCloseUnused(t *testing.T) {
	t.Parallel()
	addr := at(t, "127.0.0.1")
	for range 2 {
		if err := open(t, addr, 0).Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestOpen: a group that doesn't serve yet leaves all packets to the other server.
func TestOpen(t *testing.T) {
	t.Parallel()
	for before := range 2 {
		t.Run(fmt.Sprintf("%d before", before), func(t *testing.T) {
			t.Parallel()
			addr := at(t, "127.0.0.1")
			if before == 1 {
				newOther(t, addr)
			}
			open(t, addr, before)
			if before == 0 {
				newOther(t, addr)
			}
			for range 50 {
				if got := dial(t, addr).ask("a"); got != "other" {
					t.Fatalf("a group that doesn't serve is asked: %q", got)
				}
			}
		})
	}
}

// TestServe: once Serve returns, only the new handler is called.
func TestServe(t *testing.T) {
	t.Parallel()
	addr := at(t, "127.0.0.1")
	g := open(t, addr, 0)
	before := &echo{name: "0"}
	serve(t, g, before)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		c := dial(t, addr)
		for ctx.Err() == nil {
			c.ask("a")
		}
	}()
	for i := range 20 {
		for before.calls.Load() == 0 {
			select {
			case <-asked:
				t.Fatal("nobody asks")
			default:
			}
		}
		next := &echo{name: fmt.Sprint(i + 1)}
		serve(t, g, next)
		calls := before.calls.Load()
		for next.calls.Load() < 5 {
			select {
			case <-asked:
				t.Fatal("nobody asks")
			default:
			}
		}
		if got := before.calls.Load(); got != calls {
			t.Fatalf("handler %s was called %d times after it was replaced", before.name, got-calls)
		}
		before = next
	}
	cancel()
	<-asked
}

// TestPackets: what is too long is cut off and says so, an empty packet is one,
// and an empty answer is none.
func TestPackets(t *testing.T) {
	t.Parallel()
	addr := at(t, "127.0.0.1")
	g := open(t, addr, 0)
	h := &recorder{}
	serve(t, g, h)
	c := dial(t, addr)
	for _, test := range []struct{ send, want string }{
		{strings.Repeat("x", PacketSize), fmt.Sprintf("false %d", PacketSize)},
		{strings.Repeat("x", PacketSize+1), fmt.Sprintf("true %d", PacketSize)},
		{"", "false 0"},
		{"a", "false 1"},
	} {
		if got := c.ask(test.send); got != test.want {
			t.Errorf("%d octets are taken for %q, want %q", len(test.send), got, test.want)
		}
	}
	c.send("nothing")
	if got := c.ask("nothing"[:6]); got != "false 6" {
		t.Errorf("got %q", got)
	}
	if from := h.from.Load().(string); from != c.LocalAddr().String() {
		t.Errorf("the sender is %s, want %s", from, c.LocalAddr())
	}
}

// recorder answers with what it sees.
type recorder struct{ from atomic.Value }

func (r *recorder) Answer(p *Packet, buf []byte) ([]byte, bool) {
	r.from.Store(p.From().String())
	if string(p.Data) == "nothing" {
		return nil, true
	}
	return fmt.Appendf(buf, "%v %d", p.Cut, len(p.Data)), true
}

func (*recorder) HandOver(*Packet) {}

// TestUnreachable: a client that can't be sent to takes no answer from others.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	addr := at(t, "127.0.0.1")
	g := openSockets(t, addr, 1, 0)
	h := &largeSecond{gate: make(chan struct{})}
	serve(t, g, h)
	c := dial(t, addr)
	for range 3 {
		c.send("a")
	}
	close(h.gate)
	for _, want := range []string{"1", "3"} {
		if got := c.receive(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// largeSecond numbers packets, but for the second, whose answer is too large for UDP.
type largeSecond struct {
	calls atomic.Int64
	gate  chan struct{}
}

func (l *largeSecond) Answer(*Packet, []byte) ([]byte, bool) {
	<-l.gate
	n := l.calls.Add(1)
	if n == 2 {
		return make([]byte, 1<<16), true
	}
	return fmt.Append(nil, n), true
}

func (*largeSecond) HandOver(*Packet) {}

// TestOpenFails: where an address can't be had nothing is left open, and the error
// says which one and why.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	c, err := net.ListenPacket("udp", "127.0.0.1:0") // without SO_REUSEPORT
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = Open(t.Context(), Config{Address: c.LocalAddr().String(), Sockets: 2, AnswerSize: PacketSize})
	if !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), c.LocalAddr().String()) {
		t.Errorf("error %v", err)
	}
}

// BenchmarkAnswer measures packets that are answered, with the client's part.
func BenchmarkAnswer(b *testing.B) {
	g, err := Open(b.Context(), Config{Address: "127.0.0.1:0", Sockets: 1, AnswerSize: PacketSize + 64})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	if err := g.Serve(&echo{name: "group"}); err != nil {
		b.Fatal(err)
	}
	c, err := net.DialUDP("udp", nil, g.Addr().(*net.UDPAddr))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	query, buf := make([]byte, 40), make([]byte, PacketSize)
	const window = 32 // answers that are under way at a time
	b.ReportAllocs()
	sent, received := 0, 0
	for b.Loop() {
		if _, err := c.Write(query); err != nil {
			b.Fatal(err)
		}
		if sent++; sent-received < window {
			continue
		}
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
		received++
	}
}
