//go:build timing

package e2e_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/test/harness"
)

// tcpInstances are so many that an SRV answer by TCP is as large as can be.
const tcpInstances = 5000

// largeService starts a coredns that answers from a service of tcpInstances, and
// returns an SRV query for all of them as TCP carries it.
func largeService(t *testing.T) (c *harness.CoreDNS, wire []byte) {
	t.Helper()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	const txn = 100 // operations; etcd takes 128
	for first := 0; first < tcpInstances; first += txn {
		ops := make([]clientv3.Op, txn)
		for i := range ops {
			n := first + i
			value := fmt.Sprintf(`{"addresses":["10.1.%d.%d"],"ports":[{"name":"http","port":8080}],"static":true}`, n>>8, n&255)
			ops[i] = clientv3.OpPut(fmt.Sprintf("/roster/default/orders/i%04d", n), value)
		}
		if _, err := e.Client().Txn(t.Context()).Then(ops...).Commit(); err != nil {
			t.Fatal(err)
		}
	}
	c = external(t, e, "").dns
	harness.Eventually(t, harness.Patience, "all instances", func() error {
		return differ("instances", c.Metrics(t).Sum("coredns_roster_instances"), float64(tcpInstances))
	})
	wire, err := new(dns.Msg).SetQuestion(srvName("orders"), dns.TypeSRV).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return c, append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
}

// TestTCPClientLeaves sends queries for large answers by one connection and
// closes it: no work is done for a client that is gone, and nothing is logged.
func TestTCPClientLeaves(t *testing.T) {
	const (
		queries = 5000
		watched = 5 * time.Second
		most    = time.Second // of CPU, of the ten that two cores have meanwhile
	)
	c, wire := largeService(t)
	conn, err := net.Dial("tcp", c.Addr(t))
	if err != nil {
		t.Fatal(err)
	}
	// The server stops reading once its answers are not read.
	if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Write(slices.Repeat(wire, queries))
	if err != nil && !isTimeout(err) {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	cpu := func() float64 { return c.Metrics(t).Sum("process_cpu_seconds_total") }
	before := cpu()
	harness.Elapse(t, watched) // what is measured is what happens in that time
	took := time.Duration((cpu() - before) * float64(time.Second))
	t.Logf("%d octets of %d were sent; %v of CPU in the %v after the client had gone", n, queries*len(wire), took, watched)
	if took > most {
		t.Errorf("%v of CPU, above %v", took, most)
	}
	if strings.Contains(c.Output(), "broken pipe") || strings.Contains(c.Output(), "[ERROR]") {
		t.Errorf("the log tells of a client that is gone:\n%s", c.Output())
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// TestDeafTCPClients has many clients send queries for large answers by TCP and
// read none: memory is bounded, others are answered in time, and the clients
// lose their connections.
func TestDeafTCPClients(t *testing.T) {
	const (
		clients = 1000
		each    = 45
		// A third is garbage that the collector lets lie for the memory that the binary has it
		// count as in use: ballastSize in build/main.go.
		mostMemory = 96 << 20
		mostWait   = 50 * time.Millisecond // 99 of 100 others'
	)
	c, wire := largeService(t)
	queries := slices.Repeat(wire, each)
	memory := func() float64 { return c.Metrics(t).Sum("process_resident_memory_bytes") }
	for range 20 { // what the first large answers take stays
		if _, err := harness.Ask(t.Context(), c.Addr(t), harness.Question{Name: srvName("orders"), Type: dns.TypeSRV, TCP: true}); err != nil {
			t.Fatal(err)
		}
	}
	before := memory()
	start := time.Now()
	others := askMeanwhile(t, c)
	conns := make([]net.Conn, clients)
	var g errgroup.Group
	g.Go(func() error {
		for i := range conns {
			conn, err := net.Dial("tcp", c.Addr(t))
			if err != nil {
				return fmt.Errorf("client %d: %w", i, err)
			}
			conns[i] = conn
			if _, err := conn.Write(queries); err != nil {
				return fmt.Errorf("client %d: %w", i, err)
			}
		}
		return nil
	})
	peak := 0.0
	for range 100 {
		harness.Elapse(t, 100*time.Millisecond) // what is measured is what happens in that time
		peak = max(peak, memory())
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	waits := others()
	p99 := waits[len(waits)*99/100]
	t.Logf("%d others' queries: median %v, p99 %v, at most %v; resident %.0f MiB, and at most %.0f MiB more",
		len(waits), waits[len(waits)/2], p99, waits[len(waits)-1], before/(1<<20), (peak-before)/(1<<20))
	if p99 > mostWait {
		t.Errorf("99 of 100 other queries took up to %v, above %v", p99, mostWait)
	}
	if peak-before > mostMemory {
		t.Errorf("%.0f MiB more, above %d", (peak-before)/(1<<20), mostMemory>>20)
	}
	for i, conn := range conns {
		if err := drain(conn); err != nil {
			t.Fatalf("client %d is still connected after %v: %v", i, time.Since(start), err)
		}
		_ = conn.Close() // the server has closed it
	}
}

// askMeanwhile asks by UDP, one query after the other, until the function that
// it returns is called; that returns how long each took, in ascending order.
func askMeanwhile(t *testing.T, c *harness.CoreDNS) func() []time.Duration {
	t.Helper()
	var (
		waits []time.Duration
		done  atomic.Bool
		wg    sync.WaitGroup
	)
	addr := c.Addr(t)
	wg.Go(func() {
		for !done.Load() {
			start := time.Now()
			if _, err := harness.Ask(t.Context(), addr, harness.Question{Name: srvName("orders"), Type: dns.TypeSRV, Size: harness.DefaultSize}); err != nil {
				t.Error(err)
			}
			waits = append(waits, time.Since(start))
			harness.Elapse(t, time.Millisecond) // a rate that leaves the processor to what is measured
		}
	})
	return func() []time.Duration {
		done.Store(true)
		wg.Wait()
		slices.Sort(waits)
		return waits
	}
}

// drain reads what a connection still holds until its end, whichever kind.
func drain(conn net.Conn) error {
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
		return err
	}
	return nil
}
