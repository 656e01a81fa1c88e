package balance_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/balance"
)

func TestErrorsPassThrough(t *testing.T) {
	t.Parallel()
	for _, want := range []error{registrar.ErrNotFound, registrar.ErrUnavailable, registrar.ErrPermission, registrar.ErrInvalid, registrar.ErrClosed, context.Canceled} {
		f := find(instance("a"))
		b := balance.New(f, "orders")
		finish(t, b, balance.OK)
		f.service.Store(nil)
		f.err = want
		for range 2 {
			if _, err := b.Pick(t.Context()); !errors.Is(err, want) {
				t.Errorf("Pick: %v, want %v", err, want)
			}
		}
		f.set(instance("b"))
		if id := finish(t, b, balance.OK); id != "b" {
			t.Errorf("after %v: picked %s, want b", want, id)
		}
	}
}

func TestPorts(t *testing.T) {
	t.Parallel()
	onlyOther := func(in *registrar.Instance) { in.Ports = []registrar.Port{{Name: "other", Port: 70}} }
	host := func(in *registrar.Instance) { in.Addresses, in.Host = nil, "db.example.com" }
	v6 := func(in *registrar.Instance) { in.Addresses = in.Addresses[:0:0]; in.Host = "2001:db8::7" }
	quic := func(in *registrar.Instance) {
		in.Ports = append([]registrar.Port{{Name: "grpc", Port: 443, Protocol: "udp"}}, in.Ports...)
	}
	for _, c := range []struct {
		ports []string
		in    registrar.Instance
		want  string
	}{
		{nil, instance("a", quic), "10.0.0.97:80"},
		{[]string{"grpc"}, instance("a", quic), "10.0.0.97:90"},
		{nil, instance("a"), "10.0.0.97:80"},
		{[]string{""}, instance("a"), "10.0.0.97:80"},
		{[]string{"grpc"}, instance("a"), "10.0.0.97:90"},
		{[]string{"https", "grpc"}, instance("a"), "10.0.0.97:90"},
		{[]string{"https", ""}, instance("a"), "10.0.0.97:80"},
		{[]string{"grpc"}, instance("a", host), "db.example.com:90"},
		{[]string{"grpc"}, instance("a", v6), "[2001:db8::7]:90"},
		{[]string{"grpc"}, instance("a", onlyOther), ""},
		{[]string{}, instance("a"), ""},
	} {
		var opts []balance.Option
		if c.ports != nil {
			opts = append(opts, balance.WithPort(c.ports...))
		}
		p, err := balance.New(find(c.in), "orders", opts...).Pick(t.Context())
		if p.Addr != c.want || (err != nil) != (c.want == "") {
			t.Errorf("ports %q: %q, %v, want %q", c.ports, p.Addr, err, c.want)
		}
		if c.want == "" && (!errors.Is(err, registrar.ErrNotFound) || !strings.Contains(err.Error(), "port")) {
			t.Errorf("ports %q: %v, want ErrNotFound that names the port", c.ports, err)
		}
	}
	udp, err := balance.New(find(instance("a", quic)), "orders", balance.WithPort("grpc"), balance.WithProtocol("udp")).Pick(t.Context())
	if udp.Addr != "10.0.0.97:443" {
		t.Errorf("udp: %q, %v", udp.Addr, err)
	}
	b := balance.Seed(balance.New(find(instance("a"), instance("b", onlyOther)), "orders", balance.WithPort("grpc")), 1)
	fits(t, count(t, b, 100), map[string]float64{"a": 1})
}

func TestExclude(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, policy := range []balance.Policy{balance.Weighted, balance.LeastLoaded} {
			b := balance.Seed(balance.New(find(instance("a"), instance("b", weight(300)), instance("c", weight(50))), "orders", balance.WithPolicy(policy)), 1)
			fits(t, count(t, b, 10_000, "b"), map[string]float64{"a": 100, "c": 50})
			fits(t, count(t, b, 100, "b", "a"), map[string]float64{"c": 1})
			if _, err := b.Pick(t.Context(), "c", "b", "a"); !errors.Is(err, registrar.ErrNotFound) || !strings.Contains(err.Error(), "excluded") {
				t.Errorf("all are excluded: %v, want ErrNotFound", err)
			}
		}
	})
}

// pools records what is opened and closed.
type pools struct {
	mu           sync.Mutex
	opened, gone []string
}

type pool struct {
	of  *pools
	key string
}

func (p *pools) open(in *registrar.Instance, addr string) io.Closer {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := in.ID + " " + addr
	p.opened = append(p.opened, key)
	return &pool{p, key}
}

func (p *pool) Close() error {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.of.gone = append(p.of.gone, p.key)
	slices.Sort(p.of.gone)
	return errors.New("closing " + p.key)
}

func (p *pools) want(t *testing.T, opened, gone string) {
	t.Helper()
	if o, g := strings.Join(p.opened, ", "), strings.Join(p.gone, ", "); o != opened || g != gone {
		t.Errorf("opened %q, closed %q, want %q and %q", o, g, opened, gone)
	}
	p.opened, p.gone = nil, nil
}

// TestPools checks that what belongs to an instance stays as long as its ID and address.
func TestPools(t *testing.T) {
	t.Parallel()
	f, p := find(instance("a"), instance("b")), &pools{}
	b := balance.New(f, "orders", balance.WithPool(p.open))
	first := pick(t, b, "b")
	p.want(t, "a 10.0.0.97:80, b 10.0.0.98:80", "")
	f.set(instance("a", weight(7), priority(3)), instance("c"))
	finish(t, b, balance.OK)
	p.want(t, "c 10.0.0.99:80", "b 10.0.0.98:80")
	if again := pick(t, b, "c"); again.Pool != first.Pool || again.Instance == first.Instance {
		t.Error("the pool of a changed instance is another one")
	}
	f.set(instance("a", func(in *registrar.Instance) { in.Ports[0].Port = 81 }))
	finish(t, b, balance.OK)
	p.want(t, "a 10.0.0.97:81", "a 10.0.0.97:80, c 10.0.0.99:80")

	f.service.Store(nil)
	f.err = registrar.ErrUnavailable
	if _, err := b.Pick(t.Context()); err == nil {
		t.Error("Pick while unavailable succeeds")
	}
	p.want(t, "", "")
	f.err = nil
	if _, err := b.Pick(t.Context()); err == nil {
		t.Error("Pick of a service that is gone succeeds")
	}
	p.want(t, "", "a 10.0.0.97:81")

	f.set(instance("a"))
	finish(t, b, balance.OK)
	if err := b.Close(); err == nil || err.Error() != "closing a 10.0.0.97:80" {
		t.Errorf("Close: %v", err)
	}
	p.want(t, "a 10.0.0.97:80", "a 10.0.0.97:80")
	if err := b.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if _, err := b.Pick(t.Context()); !errors.Is(err, registrar.ErrClosed) {
		t.Errorf("Pick after Close: %v", err)
	}
	p.want(t, "", "")
	first.Done(balance.Result{}) // of an instance that is gone
}

// alternating is a Finder whose answers can be older than others that were given: each
// call returns what was the present set when it began.
type alternating struct {
	*finder
	hold chan struct{} // closed: go on
	in   chan struct{}
}

func (f *alternating) GetService(ctx context.Context, name string) (*registrar.Service, error) {
	s, err := f.finder.GetService(ctx, name)
	if f.hold != nil {
		hold := f.hold
		f.hold = nil
		close(f.in)
		<-hold
	}
	return s, err
}

// TestOlderAnswer checks that a pick whose answer was overtaken doesn't bring back
// instances that are gone.
func TestOlderAnswer(t *testing.T) {
	t.Parallel()
	f, p := &alternating{finder: find(instance("a"))}, &pools{}
	b := balance.New(f, "orders", balance.WithPool(p.open))
	finish(t, b, balance.OK)
	hold := make(chan struct{})
	f.hold, f.in = hold, make(chan struct{})
	id := make(chan string)
	go func() {
		p, _ := b.Pick(context.Background())
		id <- p.Instance.ID
	}()
	<-f.in
	f.set(instance("b"))
	finish(t, b, balance.OK)
	close(hold)
	if got := <-id; got != "b" {
		t.Errorf("the pick with an older answer picks %s, want b", got)
	}
	p.want(t, "a 10.0.0.97:80, b 10.0.0.98:80", "a 10.0.0.97:80")
}

// TestConcurrentPicks is for the race detector: sets and health change while many pick.
func TestConcurrentPicks(t *testing.T) {
	t.Parallel()
	f, p := find(many(4)...), &pools{}
	b := balance.New(f, "orders", balance.WithPolicy(balance.LeastLoaded), balance.WithPool(p.open))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				if g == 0 {
					f.set(many(1 + i%5)...)
				}
				picked, err := b.Pick(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				picked.Done(balance.Result{Outcome: balance.Outcome((g + i) % 4)})
			}
		})
	}
	wg.Wait()
	_ = b.Close()
	slices.Sort(p.opened)
	if !slices.Equal(p.opened, p.gone) {
		t.Errorf("%d pools opened, %d closed", len(p.opened), len(p.gone))
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	f := find(many(10)...)
	for name, opts := range map[string][]balance.Option{
		"weighted": nil, "least loaded": {balance.WithPolicy(balance.LeastLoaded)}, "locality": {balance.WithLocality("az1")},
	} {
		b := balance.New(f, "orders", opts...)
		if n := testing.AllocsPerRun(100, func() { finish(t, b, balance.OK) }); n != 0 {
			t.Errorf("%s: %v allocations a pick, want none", name, n)
		}
		if n := testing.AllocsPerRun(100, func() { finish(t, b, balance.OK, "a", "b") }); n != 0 {
			t.Errorf("%s: %v allocations a pick with exclusions, want none", name, n)
		}
	}
}
