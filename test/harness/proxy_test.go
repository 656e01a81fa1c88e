package harness_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// echo is a server that sends each line back, and its URL.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with its connection, which ends with the proxy
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "http://" + l.Addr().String()
}

// line is a client that waits for lines.
type line struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, p *harness.Proxy) *line {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(p.Endpoint(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &line{c, bufio.NewReader(c)}
}

func (l *line) send(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(l, text+"\n"); err != nil {
		t.Fatal(err)
	}
}

// receive waits for a line for some time.
func (l *line) receive(t *testing.T, wait time.Duration) (string, error) {
	t.Helper()
	if err := l.SetReadDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	text, err := l.in.ReadString('\n')
	return strings.TrimSpace(text), err
}

func (l *line) expect(t *testing.T, want string) {
	t.Helper()
	if got, err := l.receive(t, harness.Patience); got != want || err != nil {
		t.Fatalf("received %q, %v, want %q", got, err, want)
	}
}

func TestProxyCut(t *testing.T) {
	t.Parallel()
	p := harness.StartProxy(t, echo(t))
	old := dial(t, p)
	old.send(t, "before")
	old.expect(t, "before")
	p.Cut()
	old.send(t, "meanwhile")
	fresh := dial(t, p) // the system takes it, and nobody answers
	fresh.send(t, "fresh")
	for _, l := range []*line{old, fresh} {
		if got, err := l.receive(t, 200*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("through a cut came %q, %v", got, err)
		}
	}
	p.Heal()
	old.expect(t, "meanwhile")
	fresh.expect(t, "fresh")
}

func TestProxyRefuse(t *testing.T) {
	t.Parallel()
	p := harness.StartProxy(t, echo(t))
	old := dial(t, p)
	old.send(t, "before")
	old.expect(t, "before")
	p.Refuse()
	if _, err := old.receive(t, harness.Patience); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection ended by %v, want a reset", err)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(p.Endpoint(), "http://")); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection: %v, want it refused", err)
	}
	p.Accept(t)
	again := dial(t, p)
	again.send(t, "after")
	again.expect(t, "after")
	p.Reset()
	if _, err := again.receive(t, harness.Patience); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection ended by %v, want a reset", err)
	}
}

func TestProxyDelay(t *testing.T) {
	t.Parallel()
	const delay = 100 * time.Millisecond
	p := harness.StartProxy(t, echo(t))
	p.Delay(delay)
	l := dial(t, p)
	start := time.Now()
	l.send(t, "slow")
	l.expect(t, "slow")
	if took := time.Since(start); took < 2*delay {
		t.Errorf("there and back in %v, want at least %v", took, 2*delay)
	}
}
