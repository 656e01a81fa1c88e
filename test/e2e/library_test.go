package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/harness"

	_ "github.com/rosterdns/roster/registrar/etcd" // the driver that the programs open
)

// announce is the shortest program that registers: it stays until TERM.
func announce(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	reg, err := registrar.Open(ctx, "etcd", registrar.WithEndpoints(args[0]))
	if err != nil {
		return fail(err)
	}
	defer reg.Close()
	if err := reg.Register(ctx, orders(0)); err != nil {
		return fail(err)
	}
	<-ctx.Done()
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// orders is a service of one instance whose metadata tells versions apart.
func orders(version int) *registrar.Service {
	return &registrar.Service{Name: "orders", Instances: []registrar.Instance{{
		ID:        "a",
		Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
		Ports:     []registrar.Port{{Name: "http", Port: 8080}},
		Metadata:  map[string]string{"version": strconv.Itoa(version)},
	}}}
}

// followEvery is how often follow looks. It is little beside the time that it
// measures.
const followEvery = 200 * time.Microsecond

// follow prints each version of orders that GetService shows, and when, until
// TERM.
func follow(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	reg, err := registrar.Open(ctx, "etcd", registrar.WithEndpoints(args[0]))
	if err != nil {
		return fail(err)
	}
	defer reg.Close()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	seen := ""
	for {
		if s, err := reg.GetService(ctx, "orders"); err == nil && s.Instances[0].Metadata["version"] != seen {
			seen = s.Instances[0].Metadata["version"]
			fmt.Println(seen, time.Now().UnixNano())
		}
		select {
		case <-ctx.Done():
			return 0
		case <-tick.C:
		}
	}
}

// TestLibrary registers by a small program, which DNS then shows, and which
// leaves nothing behind.
func TestLibrary(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	s := external(t, e, "", "--endpoints", e.Endpoints[0])
	p := harness.Start(t, harness.Program(t, "announce", e.Endpoints[0]))
	harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", "a"))
	s.agree(t, "orders", "a")
	if code := p.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	harness.Eventually(t, unregisterBound, "a gone from DNS", s.sees(t, "orders"))
}

// propagationBound is the contract's, for 99 of 100 changes.
const propagationBound = 100 * time.Millisecond

// TestPropagation measures from just before Register to when GetService in
// another process shows it. It runs alone, since it measures.
func TestPropagation(t *testing.T) {
	const changes = 200
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	reader := harness.Start(t, harness.Program(t, "follow", e.Endpoints[0]))
	reg, err := registrar.Open(t.Context(), "etcd", registrar.WithEndpoints(e.Endpoints[0]), harness.LogTo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()

	started := make([]time.Time, changes)
	for i := range changes {
		started[i] = time.Now()
		if err := reg.Register(t.Context(), orders(i)); err != nil {
			t.Fatal(err)
		}
		reader.WaitOutput(t, harness.Patience, "\n", i+1)
	}
	if code := reader.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}

	var delays []time.Duration
	for scan := bufio.NewScanner(strings.NewReader(reader.Stdout())); scan.Scan(); {
		var version int
		var at int64
		if _, err := fmt.Sscan(scan.Text(), &version, &at); err != nil || version != len(delays) {
			t.Fatalf("the reader saw %q as number %d: %v", scan.Text(), len(delays), err)
		}
		delays = append(delays, time.Unix(0, at).Sub(started[version]))
	}
	if len(delays) != changes {
		t.Fatalf("the reader saw %d changes, want %d", len(delays), changes)
	}
	slices.Sort(delays)
	p99 := delays[changes*99/100-1]
	t.Logf("%d changes seen after: median %v, p99 %v, longest %v", changes, delays[changes/2], p99, delays[changes-1])
	harness.Within(t, "the change at p99", p99, propagationBound)
}
