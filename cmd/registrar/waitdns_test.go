package main

import (
	"context"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/cmd/registrar/internal/dnsserver"
	"github.com/rosterdns/roster/registrar"
)

var static = []string{"register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "http:8080", "--static"}

const registeredStatic = "registrar: registered default/orders/a (10.0.0.7, http:8080/tcp), static: it stays until it is unregistered\n"

func TestWaitDNS(t *testing.T) {
	t.Parallel()
	one := startDNS(t, at(1000))
	two := startDNS(t, &fakeDNS{status: at(1000).status, truncates: true})
	host := startDNS(t, &fakeDNS{status: at(1000).status, absent: true, host: true})
	_, stderr := newShop().do(t, "", exitOK, append(static, "--wait-dns", one.addr+","+two.addr+","+host.addr)...)
	wants := []string{registeredStatic}
	for _, s := range []*fakeDNS{one, two, host} {
		wants = append(wants, "registrar: "+s.addr+" shows default/orders/a\n")
	}
	for _, want := range wants {
		if !strings.Contains(stderr, want) {
			t.Errorf("register said %q, want %q in it", stderr, want)
		}
	}
}

// TestDNSTarget: servers are asked for the last of what was written, once all is.
func TestDNSTarget(t *testing.T) {
	t.Parallel()
	r := &registration{app: newBench(nil).app, services: []*registrar.Service{{Instances: make([]registrar.Instance, 3)}}}
	r.globals.zone = "svc.internal."
	statuses := []registrar.InstanceStatus{
		{Namespace: "n", Service: "s", ID: "a", State: registrar.StateRegistered, Revision: 5},
		{Namespace: "n", Service: "s", ID: "b", State: registrar.StateRegistered, Revision: 7},
		{Namespace: "n", Service: "s", ID: "c", State: registrar.StateRegistered, Revision: 6},
	}
	want := dnsTarget{"svc.internal", instanceName{"n", "s", "b"}, 7}
	if got, all := r.dnsTarget(statuses); got != want || !all {
		t.Errorf("%v, all: %v; want %v", got, all, want)
	}
	statuses[2].State = registrar.StateSuperseded
	if got, all := r.dnsTarget(statuses); got != want || all {
		t.Errorf("%v, all: %v; want %v, but not all", got, all, want)
	}
}

// TestWaitDNSCatchesUp has a server reach the revision in steps.
func TestWaitDNSCatchesUp(t *testing.T) {
	t.Parallel()
	d := startDNS(t, &fakeDNS{status: []string{"state=unsynced", "revision=0", "age=0"}})
	b := newBench(newShop().open())
	ended := make(chan int, 1)
	go func() { ended <- b.app.run(t.Context(), append(static, "--wait-dns", d.addr, "--timeout", "1m")) }()
	for _, change := range []func(*fakeDNS){
		func(d *fakeDNS) { d.rcode, d.status = dns.RcodeServerFailure, nil },
		func(d *fakeDNS) { d.rcode, d.status = dns.RcodeSuccess, at(1).status },
		func(d *fakeDNS) { d.status, d.absent = at(1000).status, true },
	} {
		before := d.asked()
		eventually(t, "the server is asked", func() bool { return d.asked() >= before+2 })
		if len(ended) > 0 {
			t.Fatalf("it ended early: %s", b.stderr.String())
		}
		d.set(change)
	}
	d.set(func(d *fakeDNS) { d.absent = false })
	if code := <-ended; code != exitOK || !strings.HasSuffix(b.stderr.String(), d.addr+" shows default/orders/a\n") {
		t.Errorf("exit code %d; it said %q", code, b.stderr.String())
	}
}

// expiring is a context whose deadline passes when done is closed.
type expiring struct {
	context.Context
	done chan struct{}
}

func (e *expiring) Done() <-chan struct{} { return e.done }

func (e *expiring) Err() error {
	select {
	case <-e.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// TestWaitDNSTimesOut has the timeout pass while a server is asked again.
func TestWaitDNSTimesOut(t *testing.T) {
	t.Parallel()
	silent := startDNS(t, &fakeDNS{silent: true})
	for name, tt := range map[string]struct {
		server *fakeDNS
		says   string
		flags  []string
	}{
		"silent": {silent, "no answer: ", nil},
		"behind": {startDNS(t, at(1)), "it is at revision 1, the registration at 2: it is behind, or serves another registry (state live): check --endpoints and --prefix", nil},
		"unsynced": {
			startDNS(t, &fakeDNS{status: []string{"state=unsynced", "revision=0", "age=0"}}),
			"it is at revision 0, the registration at 2: it has not read the registry yet (state unsynced)", nil,
		},
		"unsynced, an old revision": {
			startDNS(t, &fakeDNS{status: []string{"state=unsynced", "revision=77", "age=0"}}),
			"it is at revision 77, the registration at 2: it has not read the registry yet (state unsynced)", nil,
		},
		"stale": {
			startDNS(t, &fakeDNS{status: []string{"state=stale", "revision=1", "age=77"}}),
			"it is at revision 1, the registration at 2: it has had no contact with etcd for 77 s (state stale)", nil,
		},
		"another registry": {
			startDNS(t, &fakeDNS{status: at(1000).status, absent: true}),
			"it is at revision 1000, the registration at 2, but a.orders.default.svc.internal does not exist: check --endpoints and --prefix, ", nil,
		},
		"another zone":   {startDNS(t, at(1000)), "it answers REFUSED for _status.example.org: check --zone", []string{"--zone", "example.org."}},
		"no such name":   {startDNS(t, &fakeDNS{rcode: dns.RcodeNameError}), "it answers NXDOMAIN for _status.svc.internal: check --zone", nil},
		"no revision":    {startDNS(t, &fakeDNS{status: []string{"hello"}}), "its answer for _status.svc.internal states no revision: check --zone", nil},
		"not a revision": {startDNS(t, &fakeDNS{status: []string{"revision=many"}}), "its answer for _status.svc.internal states no revision", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append(append(slices.Clone(static), "--wait-dns", tt.server.addr, "--timeout", "1h"), tt.flags...)
			ctx := &expiring{t.Context(), make(chan struct{})}
			b := newBench(newShop().open())
			ended := make(chan int, 1)
			go func() { ended <- b.app.run(ctx, args) }()
			questions := 3 // of which two can be of one try
			if tt.server == silent {
				questions = 1
			}
			eventually(t, "the server is asked", func() bool { return tt.server.asked() >= questions })
			close(ctx.done)
			if code := <-ended; code != exitTimeout {
				t.Errorf("exit code %d, want %d", code, exitTimeout)
			}
			stdout, stderr := b.stdout.String(), b.stderr.String()
			said, found := strings.CutPrefix(stderr, registeredStatic)
			if !found || stdout != "" {
				t.Errorf("it wrote %q and said %q", stdout, stderr)
			}
			if want := "registrar: " + tt.server.addr + " does not show default/orders/a: " + tt.says; !strings.HasPrefix(said, want) {
				t.Errorf("it said %q, want %q", said, want)
			}
			if end := ": timed out: try a longer --timeout\n"; !strings.HasSuffix(said, end) {
				t.Errorf("it said %q, want %q at the end", said, end)
			}
		})
	}
}

// passing is expiring with a deadline, which ends a question before the context is done.
type passing struct {
	expiring
	at time.Time
}

func (p *passing) Deadline() (time.Time, bool) { return p.at, true }

// TestWaitDNSCutShort: a question that the deadline cuts short does not hide what the
// server said before.
func TestWaitDNSCutShort(t *testing.T) {
	t.Parallel()
	ctx := &passing{expiring{t.Context(), make(chan struct{})}, time.Now().Add(time.Second)}
	d := at(1)
	var questions atomic.Int32
	addr := serveDNS(t, dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		switch questions.Add(1) {
		case 1:
			d.ServeDNS(w, q)
		case 2:
			time.AfterFunc(time.Until(ctx.at)+100*time.Millisecond, func() { close(ctx.done) })
		}
	}))
	target := dnsTarget{"svc.internal", instanceName{"default", "orders", "a"}, 2}
	err := target.await(ctx, dnsserver.Server(addr))
	if err == nil || !strings.Contains(err.Error(), "it is at revision 1, the registration at 2") {
		t.Errorf("await: %v", err)
	}
}

// TestWaitDNSPauses counts the questions to a server that stays behind.
func TestWaitDNSPauses(t *testing.T) {
	t.Parallel()
	d := startDNS(t, at(1))
	newShop().do(t, "", exitTimeout, append(static, "--wait-dns", d.addr, "--timeout", "1s")...)
	if n := d.asked(); n < 2 || n > 9 { // at half of each range: after 10, 20, … 320, 500 ms
		t.Errorf("%d questions in a second", n)
	}
}

// TestWaitDNSWhileHolding: a warning after --timeout says what the server answered last. One
// that was too busy to answer until then gets more time.
func TestWaitDNSWhileHolding(t *testing.T) {
	t.Parallel()
	for timeout := time.Second; !warnsWhileHolding(t, timeout); timeout *= 2 {
		t.Logf("no answer within %v", timeout)
	}
}

// warnsWhileHolding reports false where no answer came within the timeout.
func warnsWhileHolding(t *testing.T, timeout time.Duration) (answered bool) {
	t.Helper()
	d := startDNS(t, at(1))
	b := newBench(newShop().open())
	args := []string{"register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "http:8080", "--wait-dns", d.addr, "--timeout", timeout.String()}
	ended := make(chan int, 1)
	go func() { ended <- b.app.run(t.Context(), args) }()
	says := func(text string) {
		t.Helper()
		eventually(t, "it says: "+text, func() bool { return strings.Contains(b.stderr.String(), text) })
	}
	says("registrar: warning: " + d.addr + " does not show default/orders/a: ")
	answered = strings.Contains(b.stderr.String(), ": it is at revision 1, the registration at ")
	d.set(func(d *fakeDNS) { d.status = at(1000).status })
	says("registrar: " + d.addr + " shows default/orders/a\n")
	b.signals <- os.Interrupt
	if code := <-ended; code != exitOK || answered && strings.Count(b.stderr.String(), d.addr) != 2 {
		t.Errorf("exit code %d; it said %q", code, b.stderr.String())
	}
	return answered
}

// TestSilentDNSHoldsNobodyUp: a server that doesn't answer delays no Unregister.
func TestSilentDNSHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	b := newBench(newShop().open())
	ended := make(chan int, 1)
	args := []string{"register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "80", "--wait-dns", silent.LocalAddr().String(), "--timeout", "1h"}
	go func() { ended <- b.app.run(t.Context(), args) }()
	asked := make(chan error, 1)
	go func() {
		_, _, err := silent.ReadFrom(make([]byte, 512))
		asked <- err
	}()
	select {
	case err := <-asked:
		if err != nil {
			t.Fatal(err)
		}
	case code := <-ended:
		t.Fatalf("exit code %d; it said %q", code, b.stderr.String())
	}
	b.signals <- os.Interrupt
	start := time.Now()
	if code := <-ended; code != exitOK || time.Since(start) >= dnsserver.Timeout {
		t.Errorf("exit code %d after %v; it said %q", code, time.Since(start), b.stderr.String())
	}
}
