package roster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestTransferOf: other zones are for other plugins, also those above and below.
func TestTransferOf(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", shop)
	for _, zone := range []string{"internal.", "default.svc.internal.", ".", "example.org."} {
		if ch, err := r.Transfer(zone, 0); ch != nil || err != transfer.ErrNotAuthoritative { //nolint:errorlint // the plugin compares so
			t.Errorf("%s: %v", zone, err)
		}
	}
}

// TestTransferSerials: a serial that isn't older gets one record (RFC 1982).
func TestTransferSerials(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", shop)
	for serial, want := range map[uint32]bool{
		fixtureRevision: true, fixtureRevision + 1: true, fixtureRevision + 1<<31 - 1: true,
		fixtureRevision - 1: false, fixtureRevision + 1<<31: false, 1<<32 - 1: false, 0: false,
	} {
		records := transferred(t, r, "svc.internal.", serial)
		if _, ok := records[0].(*dns.SOA); !ok || (len(records) == 1) != want {
			t.Errorf("from %d: %d records, the first is %v", serial, len(records), records[0])
		}
	}
}

// wholeZone returns a zone as it is transferred, sorted.
func wholeZone(t *testing.T, r *Roster, zone string) []string {
	t.Helper()
	z := new(zoneCopy)
	if err := z.update(transferred(t, r, zone, 0)); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for l := range z.records {
		lines = append(lines, strings.ReplaceAll(l, "\t", " "))
	}
	slices.Sort(lines)
	return lines
}

// TestTransferDetails: policies hold, but for max_answers; a name server within a service
// hides the names there, and so does a zone within.
func TestTransferDetails(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster svc.internal hidden.n.svc.internal {\n max_answers 1\n ns b.s.n.svc.internal 192.0.2.1\n}", values{
		"n/s/a":       `{"addresses":["10.0.0.1"],"priority":1}`,
		"n/s/b":       `{"addresses":["10.0.0.2"],"priority":1}`,
		"n/s/_policy": `{"max_answers":1,"ttl":9}`,
		"n/hidden/a":  `{"addresses":["10.0.0.3"],"ports":[{"name":"http","port":80}]}`,
	})
	want := []string{
		`_http._tcp.n.svc.internal. 5 IN PTR hidden._http._tcp.n.svc.internal.`,
		`_services._dns-sd._udp.n.svc.internal. 5 IN PTR _http._tcp.n.svc.internal.`,
		`a.s.n.svc.internal. 9 IN A 10.0.0.1`,
		`a.s.n.svc.internal. 9 IN TXT ""`,
		`b._dns-sd._udp.n.svc.internal. 5 IN PTR n.svc.internal.`,
		`b.s.n.svc.internal. 5 IN A 192.0.2.1`,
		`db._dns-sd._udp.n.svc.internal. 5 IN PTR n.svc.internal.`,
		`hidden._http._tcp.n.svc.internal. 5 IN SRV 0 100 80 a.hidden.n.svc.internal.`,
		`hidden._http._tcp.n.svc.internal. 5 IN TXT ""`,
		`lb._dns-sd._udp.n.svc.internal. 5 IN PTR n.svc.internal.`,
		`s.n.svc.internal. 9 IN A 10.0.0.1`,
		`s.n.svc.internal. 9 IN A 10.0.0.2`,
		`svc.internal. 5 IN NS b.s.n.svc.internal.`,
	}
	if got := wholeZone(t, r, "svc.internal."); !slices.Equal(got, want) {
		t.Errorf("the zone is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := wholeZone(t, r, "hidden.n.svc.internal."); !slices.Contains(got, "hidden.n.svc.internal. 5 IN NS b.s.n.svc.internal.") {
		t.Errorf("the zone within is %q", got)
	}
}

// TestTransferNoRecordTwice: a name server that is the zone itself has one set of addresses.
func TestTransferNoRecordTwice(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster svc.internal {\n ns svc.internal 192.0.2.1\n}", shop)
	seen := map[string]bool{}
	for _, rr := range transferred(t, r, "svc.internal.", 0)[1:] { // it ends with the SOA that it began with
		if seen[rr.String()] {
			t.Errorf("%v is there twice", rr)
		}
		seen[rr.String()] = true
	}
	if !seen["svc.internal.\t5\tIN\tA\t192.0.2.1"] {
		t.Errorf("no address in %v", seen)
	}
}

// TestTransferLongRecord: a record whose target would be too long is counted beside the
// names that would be.
func TestTransferLongRecord(t *testing.T) { // not parallel: it reads a counter of the process
	zone := strings.Repeat(strings.Repeat("z", 59)+".", 4)
	r := servingRegistry(t, "roster "+zone, inState(storeOf(t, values{
		"n/s/an-instance": `{"addresses":["10.0.0.1"],"ports":[{"port":80}]}`,
	}), mirror.Live))
	before := testutil.ToFloat64(namesTooLong)
	transferred(t, r, zone, 0)
	// The names are those for DNS-SD, four of the namespace and one of the service, that of
	// the port with _https, and the instance's; the records are SRV of the service, without
	// and with the port.
	if counted := testutil.ToFloat64(namesTooLong) - before; counted != 7+2 {
		t.Errorf("%v are counted, want 9", counted)
	}
}

// TestTransferLongNames: names over 255 octets are left out and counted, and all that is
// sent fits into messages.
func TestTransferLongNames(t *testing.T) { // not parallel: it reads a counter of the process
	label := strings.Repeat("l", 63)
	store, vs := emptyStore(), values{}
	rng := rand.New(rand.NewPCG(1, 1))
	for length := range 20 {
		zone := strings.Repeat(strings.Repeat("z", 49)+".", 3) + strings.Repeat("y", 1+3*length) + "."
		r := servingRegistry(t, "roster "+zone, inState(store, mirror.Live))
		vs[fmt.Sprintf("%s/%s/%s", label[:1+rng.IntN(20)], label[:1+rng.IntN(30)], label[:1+rng.IntN(63)])] = `{"addresses":["10.0.0.1"],"ports":[{"name":"abcdefghijklmno","port":80}],"metadata":{"alpn":"h2"}}`
		var events []mirror.Event
		for k, v := range vs {
			events = append(events, mirror.Event{Key: k, Value: []byte(v), ModRevision: 1, Lease: 1})
		}
		apply(store, int64(length+1), events...)
		before := testutil.ToFloat64(namesTooLong)
		records := transferred(t, r, zone, 0)
		counted := testutil.ToFloat64(namesTooLong) - before
		targets := map[string]bool{}
		for _, rr := range records {
			if _, err := dns.PackRR(rr, make([]byte, dns.MaxMsgSize), 0, nil, false); err != nil {
				t.Fatalf("%v: %v", rr, err)
			}
			targets[rr.Header().Name] = true
		}
		whole := !slices.ContainsFunc(records, func(rr dns.RR) bool {
			switch rr := rr.(type) {
			case *dns.SRV:
				return !targets[rr.Target]
			case *dns.PTR:
				return !targets[rr.Ptr] && strings.HasPrefix(rr.Hdr.Name, "_abc")
			}
			return false
		})
		if !whole {
			t.Errorf("targets are missing: %v", records)
		}
		transferred(t, r, zone, uint32(length)) // a difference, but for the first
		if all := testutil.ToFloat64(namesTooLong) - before; length > 15 && (counted == 0 || all <= counted) {
			t.Errorf("%v are counted, with a difference %v", counted, all)
		}
	}
}

// TestTransfersAtOnce: beyond a number, a transfer waits for another to end, but not for
// long.
func TestTransfersAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		store := storeOf(t, shop)
		r := servingRegistry(t, "roster", inState(store, mirror.Live))
		r.transfers = newTransfers(ctx)
		var under []<-chan []dns.RR
		begin := func() error {
			ch, err := r.Transfer("svc.internal.", 0)
			if err == nil {
				under = append(under, ch)
			}
			return err
		}
		for range maxTransfers {
			if err := begin(); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		if err := begin(); !errors.Is(err, errTransfersAtOnce) || time.Since(start) != transferWait {
			t.Errorf("after %v: error %v", time.Since(start), err)
		}
		// One that has nothing to send doesn't count.
		if got := transferred(t, r, "svc.internal.", fixtureRevision); len(got) != 1 {
			t.Errorf("%d records", len(got))
		}
		time.AfterFunc(time.Second, func() {
			apply(store, fixtureRevision+1, mirror.Event{Key: "n/s/new", Value: []byte(`{"addresses":["10.0.0.9"]}`), ModRevision: fixtureRevision + 1, Lease: 1})
			for range under[0] {
			}
		})
		if err := begin(); err != nil {
			t.Fatal(err)
		}
		// What has changed meanwhile is in it.
		waited := under[len(under)-1]
		if soa, ok := (<-waited)[0].(*dns.SOA); !ok || soa.Serial != fixtureRevision+1 {
			t.Errorf("after the wait the first record is %v, want serial %d", soa, fixtureRevision+1)
		}
		// At the end those that are under way are given up.
		cancel()
		r.transfers.wait()
		for _, ch := range under[1:] {
			for batch := range ch {
				t.Errorf("%d records after the end", len(batch))
			}
		}
		if err := begin(); !errors.Is(err, errEnding) {
			t.Errorf("at the end: error %v", err)
		}
	})
}

// TestTransferStalls: a transfer whose client doesn't read is given up, and ends
// without its last record. Until then it can take its time.
func TestTransferStalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := serving(t, "roster", shop)
		ch, err := r.Transfer("svc.internal.", 0)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range 2 {
			time.Sleep(transferStall - time.Second)
			n += len(<-ch)
		}
		time.Sleep(transferStall + time.Second)
		for batch := range ch {
			t.Errorf("%d records after a stall", len(batch))
		}
		if all := len(transferred(t, r, "svc.internal.", 0)); n == 0 || n >= all {
			t.Errorf("%d of %d records", n, all)
		}
	})
}

// TestTransferTrickles: a client that reads a little now and then is given up once it has
// had the time of what it was sent, and some more; one that reads steadily is not.
func TestTransferTrickles(t *testing.T) {
	t.Parallel()
	const record, all = 250, 200_000 // octets, and how many there are
	rr := &dns.TXT{Hdr: dns.RR_Header{Name: "a.", Rrtype: dns.TypeTXT}, Txt: []string{strings.Repeat("x", record-14)}}
	if dns.Len(rr) != record {
		t.Fatalf("a record has %d octets", dns.Len(rr))
	}
	const batch = transferBatch * record * time.Second / transferRate // what one takes at the least rate
	for name, test := range map[string]struct {
		pause time.Duration // before each batch
		ends  bool          // within grace and what was sent
	}{
		"trickling":        {transferStall - time.Second, true},
		"too slow":         {batch * 11 / 10, true},
		"as slow as it is": {batch, false},
		"fast":             {0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ch := make(chan []dns.RR)
				go func() {
					defer close(ch)
					s := &sender{ctx: t.Context(), to: ch, zone: new(zone)}
					for range all {
						s.send(rr)
					}
					s.flush()
				}()
				start, n := time.Now(), 0
				for open := true; open; {
					time.Sleep(test.pause)
					var b []dns.RR
					b, open = <-ch
					n += len(b)
				}
				took := time.Since(start)
				if ends := n < all; ends != test.ends {
					t.Errorf("%d of %d records in %v", n, all, took)
				}
				if most := transferGrace + time.Duration(n/transferBatch+2)*batch + test.pause; took > most {
					t.Errorf("%d records in %v, more than %v", n, took, most)
				}
			})
		})
	}
}

// TestTransferGivenUp: wherever a transfer is given up, the transfer plugin sends no SOA
// record at its end, as it does where one record is left that is in no message yet.
func TestTransferGivenUp(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(2, 2))
	for range 50 {
		ch := make(chan []dns.RR)
		go func() {
			defer close(ch)
			s := &sender{ctx: t.Context(), to: ch, zone: new(zone)}
			for range 3000 {
				s.send(&dns.TXT{Hdr: dns.RR_Header{Name: "a.", Rrtype: dns.TypeTXT}, Txt: []string{strings.Repeat("x", 200+rng.IntN(50))}})
			}
			s.flush()
		}()
		left, size := 0, 0 // as the plugin counts
		for batch := range ch {
			for _, rr := range batch {
				if n := dns.Len(rr); left > 0 && size+n > 63000 {
					left, size = 0, 0
				}
				left, size = left+1, size+dns.Len(rr)
			}
			if left == 1 && len(batch) >= transferBatch {
				t.Fatal("one record is left")
			}
		}
	}
}

// listener is where NOTIFY goes to in a test.
type listener struct {
	start time.Time
	mu    sync.Mutex
	fails error
	told  []time.Duration // when, after the start
}

func (l *listener) send(string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, time.Since(l.start))
	return l.fails
}

// after lets time elapse and returns when the listener was told meanwhile.
func (l *listener) after(d time.Duration) []time.Duration {
	time.Sleep(d)
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	told := l.told
	l.told = nil
	return told
}

func (l *listener) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fails = err
}

// TestNotifyRate: the first change is told at once, those after it together each second.
func TestNotifyRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		store := storeOf(t, shop)
		var unsynced atomic.Bool
		r := servingRegistry(t, "roster", &fakeReplica{store, func() mirror.Status {
			if unsynced.Load() {
				return mirror.Status{State: mirror.Unsynced}
			}
			return mirror.Status{State: mirror.Live}
		}})
		l := &listener{start: time.Now()}
		n := &notifier{zone: "svc.internal.", Roster: r, send: l.send}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			n.run(ctx)
		}()
		expect := func(d time.Duration, want ...time.Duration) {
			t.Helper()
			if told := l.after(d); !slices.Equal(told, want) {
				t.Errorf("after %v: told at %v, want %v", time.Since(l.start), told, want)
			}
		}
		revision := int64(fixtureRevision)
		change := func() {
			revision++
			apply(store, revision, mirror.Event{Key: "n/s/i", Value: fmt.Appendf(nil, `{"addresses":["10.0.0.1"],"ttl":%d}`, revision), ModRevision: revision, Lease: 1})
		}
		expect(time.Minute, 0)
		for range 100 { // 2.5 s
			change()
			time.Sleep(25 * time.Millisecond)
		}
		expect(7500*time.Millisecond, 60*time.Second, 61*time.Second, 62*time.Second, 63*time.Second)

		// The serial alone is told, too.
		revision = 1000
		apply(store, revision)
		if told := l.after(10 * time.Second); len(told) != 1 || told[0]-70*time.Second > serialInterval {
			t.Errorf("a serial that has risen at 70s: told at %v", told)
		}

		// Without contents nothing is told, but as soon as there are some.
		unsynced.Store(true)
		change()
		expect(time.Hour)
		unsynced.Store(false)
		if told := l.after(notifyInterval); len(told) != 1 {
			t.Errorf("told at %v", told)
		}

		// What fails is told again, less and less often.
		l.fail(errors.New("not accepted"))
		change()
		told := l.after(time.Hour)
		if len(told) < 12 || len(told) > 20 || told[1]-told[0] < minNotifyRetry || told[len(told)-1]-told[len(told)-2] < maxNotifyRetry {
			t.Errorf("what fails is told at %v", told)
		}
		l.fail(nil)
		if told := l.after(time.Hour); len(told) != 1 {
			t.Errorf("what succeeds is told at %v", told)
		}
		cancel()
		<-ended
	})
}

// TestNotifyLog: a secondary that doesn't answer is logged once, although the error has
// another local port each time, and again after it has accepted a message.
func TestNotifyLog(t *testing.T) { // not parallel: it reads the log of the process
	log := logged(t)
	synctest.Test(t, func(t *testing.T) {
		port, fails := 40000, true
		n := &notifier{zone: "svc.internal.", send: func(string) error {
			if !fails {
				return nil
			}
			port++
			return fmt.Errorf("read udp 192.0.2.1:%d->192.0.2.53:53: i/o timeout", port)
		}}
		expect := func(want int) {
			t.Helper()
			n.notify(t.Context())
			if got := lines(log, "not accepted NOTIFY"); len(got) != want {
				t.Errorf("logged %q, want %d lines", got, want)
			}
		}
		for range 5 {
			expect(1)
			time.Sleep(maxNotifyRetry)
		}
		time.Sleep(notifyLogInterval)
		expect(2)
		expect(2)
		fails = false
		expect(2)
		fails = true
		expect(3)
	})
}

// TestNotifyEnds: a message that nobody answers doesn't hold up the end.
func TestNotifyEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n := &notifier{zone: "svc.internal.", Roster: serving(t, "roster", shop), send: func(string) error {
			time.Sleep(time.Minute)
			return nil
		}}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			n.run(ctx)
		}()
		time.Sleep(time.Second)
		cancel()
		start := time.Now()
		<-ended
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v", took)
		}
		time.Sleep(time.Minute) // the message ends by itself
	})
}

// TestReverseZones: a reverse zone has the names of the addresses in it, of all
// instances that have them, more than a message holds.
func TestReverseZones(t *testing.T) {
	t.Parallel()
	vs := values{"n/s/other": `{"addresses":["10.1.0.0","10.0.255.255","10.9.0.1","2001:db8::1"]}`}
	for i := range maxPicked + 10 {
		vs[fmt.Sprintf("n/s/i%d", i)] = `{"addresses":["10.1.2.3"]}`
	}
	r := serving(t, "roster svc.internal 10.1.0.0/16 10.9.0.1/32 2001:db8::/32 ip6.arpa", vs)
	for zone, want := range map[string]int{"1.10.in-addr.arpa.": maxPicked + 10 + 2, "1.0.9.10.in-addr.arpa.": 2, "8.b.d.0.1.0.0.2.ip6.arpa.": 2, "ip6.arpa.": 1} {
		if got := wholeZone(t, r, zone); len(got) != want {
			t.Errorf("%s has %d records, want %d", zone, len(got), want)
		}
	}
	if got := reverseOf(netip.MustParseAddr("10.1.2.3")); got != "3.2.1.10.in-addr.arpa." {
		t.Errorf("name %s", got)
	}
}
