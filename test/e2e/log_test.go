package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

// loggingBlock is block with a line for each query in the log.
var loggingBlock = strings.Replace(block, "\terrors\n", "\terrors\n\tlog\n", 1)

// endBound is how long a program may take to end whose log nobody reads: the two
// seconds of a Close, and what the machine adds.
const endBound = 3 * time.Second

// pipe returns a pipe that ends with the test.
func pipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(reader.Close(), writer.Close()) })
	return reader, writer
}

// fullPipe returns the writing end of a pipe that takes no more, and that nobody
// reads.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	_, writer := pipe(t)
	if err := writer.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var err error
	for err == nil {
		_, err = writer.Write(make([]byte, 1))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return writer
}

// TestRegistrarLogNotRead starts a registrar whose messages nobody reads: it
// registers, and TERM ends it and unregisters.
func TestRegistrarLogNotRead(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	p := harness.RegistrarCommand(t, harness.Command{
		Args: []string{"register", "orders", "--id", "a", "--address", "127.0.0.1", "--port", "http:8080", "--endpoints", e.Endpoints[0]},
		Log:  fullPipe(t),
	})
	keys := func(want int64) func() error {
		return func() error {
			ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
			defer cancel()
			resp, err := e.Client().Get(ctx, "/roster/", clientv3.WithPrefix(), clientv3.WithCountOnly())
			if err != nil {
				return err
			}
			return differ("keys", resp.Count, want)
		}
	}
	harness.Eventually(t, harness.Patience, "the registration", keys(1))
	p.Signal(t, syscall.SIGTERM)
	if code := p.Wait(t, endBound); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if err := keys(0)(); err != nil {
		t.Error(err)
	}
}

// TestServerLogNotRead fills the log of a server that nobody reads: what is
// registered shows all the same, and TERM ends the server.
func TestServerLogNotRead(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	c := harness.NewCoreDNS(t)
	_, c.Log = pipe(t)
	c.Launch(t, corefile(e))
	c.WaitReady(t)
	s := &system{dns: c, flags: []string{"--endpoints", e.Endpoints[0]}, etcd: e.Client()}
	// More lines than a pipe holds.
	const bad = 1000
	long := strings.Repeat("x", 55)
	for n := range bad {
		if _, err := e.Client().Put(t.Context(), fmt.Sprintf("/roster/default/bad/%s-%d", long, n), "bad"); err != nil {
			t.Fatal(err)
		}
	}
	s.register(t, "orders", "a", "127.0.0.1")
	harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", "a"))
	harness.Eventually(t, harness.Patience, "all bad values being counted", func() error {
		return differ("skipped", c.Metrics(t).Sum("coredns_roster_skipped_total"), bad)
	})
	if err := harness.MirrorState(t, c.Addr(t), zone, "live")(); err != nil {
		t.Error(err)
	}
	c.Signal(t, syscall.SIGTERM)
	if code := c.Wait(t, endBound); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// TestServerLogClosed closes the pipe to which a server writes its log, as when
// the program that reads it dies: the server and the etcd in it go on.
func TestServerLogClosed(t *testing.T) {
	t.Parallel()
	c := harness.NewCoreDNS(t)
	reader, writer := pipe(t)
	c.Log = writer
	c.Launch(t, strings.Replace(builtinCorefile, block, loggingBlock, 1))
	c.WaitReady(t)
	endpoint := fmt.Sprintf("http://127.0.0.1:%d", c.Port(t, "etcd"))
	s := &system{dns: c, flags: []string{"--endpoints", endpoint}}
	s.register(t, "orders", "a", "127.0.0.1")
	harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", "a"))

	if err := errors.Join(reader.Close(), writer.Close()); err != nil {
		t.Fatal(err)
	}
	for range 3 { // each writes a line
		if m := s.dns.Ask(t, "orders.default."+zone, dns.TypeA); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 {
			t.Errorf("answered %s", harness.Render(m))
		}
	}
	s.register(t, "orders", "b", "127.0.0.2") // in the etcd inside
	harness.Eventually(t, harness.Patience, "b in DNS", s.sees(t, "orders", "a", "b"))
	if code := c.Stop(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
