package harness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"

	_ "github.com/rosterdns/roster/registrar/etcd" // the driver
)

// ChurnNamespace is the namespace of what a stream of registrations writes, so
// that no other namespace's answers change.
const ChurnNamespace = "churn"

const (
	// longEvery is the pause between two calls of the long-lived client.
	longEvery = 100 * time.Millisecond
	// longIDs is how many instances the long-lived client registers and
	// unregisters in turn.
	longIDs = 8
	// shortEvery is the pause between two short-lived clients.
	shortEvery = 500 * time.Millisecond
	// commandEvery is how long a registrar runs.
	commandEvery = 2 * time.Second
	// callBound is the contract's second for a Register or Unregister, and what
	// a busy machine adds.
	callBound = 2 * time.Second
	// closeBound is the contract's two seconds for a Close, likewise.
	closeBound = 3 * time.Second
)

// RegistrationsOptions says how a stream of registrations reaches etcd.
type RegistrationsOptions struct {
	// Options are those of the library's clients: endpoints, credentials, TLS.
	Options []registrar.Option
	// Flags are those of the registrar command, for the same.
	Flags []string
	// Wrap, which can be nil, runs the registrar command.
	Wrap []string
	// Lease is the lease TTL; 0 means 5 s.
	Lease time.Duration
	// Refused says that etcd may refuse a client for a while, as while its
	// password is changed.
	Refused bool
	// Etcd is read at the end, by its Client.
	Etcd *Etcd
}

// Registrations is a stream of registrations and unregistrations: through the
// library by one client that lives long and many that don't, and by the built
// registrar, one that holds on and others that come and go.
type Registrations struct {
	o       RegistrationsOptions
	cancel  context.CancelFunc
	streams sync.WaitGroup
	long    *registrar.Client

	mu      sync.Mutex
	desired map[string]bool // by the long-lived client
	report  RegistrationsReport
}

// heldID is the instance that one registrar keeps registered.
const heldID = "held"

// StartRegistrations starts a stream, and returns once the first instance is in
// etcd.
func StartRegistrations(t testing.TB, o RegistrationsOptions) *Registrations {
	t.Helper()
	if o.Lease == 0 {
		o.Lease = 5 * time.Second
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &Registrations{o: o, cancel: cancel, desired: map[string]bool{}}
	long, err := r.open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r.long = long
	r.command(t, heldID).WaitOutput(t, Patience, "registered "+ChurnNamespace, 1)
	r.streams.Go(func() { r.runLong(ctx) })
	r.streams.Go(func() { r.runShort(ctx) })
	r.streams.Go(func() { r.runCommands(ctx, t) })
	t.Cleanup(r.end)
	return r
}

// end lets go of everything. It can be called again.
func (r *Registrations) end() {
	r.cancel()
	r.streams.Wait()
	_ = r.long.Close() // etcd can be away by now
}

func (r *Registrations) open(ctx context.Context) (*registrar.Client, error) {
	opts := slices.Concat(r.o.Options, []registrar.Option{
		registrar.WithLeaseTTL(r.o.Lease),
		registrar.WithNamespace(ChurnNamespace),
		registrar.WithLogger(slog.New(slog.DiscardHandler)),
	})
	return registrar.Open(ctx, "etcd", opts...)
}

func (r *Registrations) command(t testing.TB, id string) *Process {
	t.Helper()
	args := []string{
		"register", "commands", "-n", ChurnNamespace, "--id", id, "--address", "127.0.0.3", "--port", "http:8080",
		"--lease", r.o.Lease.String(),
	}
	return RegistrarCommand(t, Command{Args: append(args, r.o.Flags...), Wrap: r.o.Wrap})
}

func churned(service, id string) *registrar.Service {
	return &registrar.Service{Namespace: ChurnNamespace, Name: service, Instances: []registrar.Instance{{
		ID:        id,
		Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.2")},
		Ports:     []registrar.Port{{Name: "http", Port: 8080}},
	}}}
}

// call times a call that must be quick whatever becomes of etcd, where time is
// judged.
func (r *Registrations) call(what string, bound time.Duration, f func() error) {
	start := time.Now()
	err := f()
	took := time.Since(start)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Calls++
	r.report.Slowest = max(r.report.Slowest, took)
	away := errors.Is(err, registrar.ErrUnavailable) || (r.o.Refused && errors.Is(err, registrar.ErrPermission))
	if away && what == "Close" {
		r.report.Unavailable++
		err = nil
	}
	if (Timing && took > bound) || err != nil {
		r.report.fault("%s took %v and returned %v", what, took, err)
	}
}

func (r *Registrations) runLong(ctx context.Context) {
	tick := time.NewTicker(longEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		id := fmt.Sprintf("long-%d", rand.IntN(longIDs))
		r.mu.Lock()
		want := !r.desired[id]
		r.desired[id] = want
		r.mu.Unlock()
		// What was desired is desired, though the test ends.
		background := context.WithoutCancel(ctx)
		if want {
			r.call("Register", callBound, func() error { return r.long.Register(background, churned("long", id)) })
		} else {
			r.call("Unregister", callBound, func() error { return r.long.Unregister(background, churned("long", id)) })
		}
	}
}

func (r *Registrations) runShort(ctx context.Context) {
	tick := time.NewTicker(shortEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		client, err := r.open(context.WithoutCancel(ctx))
		if err != nil {
			r.mu.Lock()
			r.report.fault("Open: %v", err)
			r.mu.Unlock()
			return
		}
		service := churned("short", fmt.Sprintf("short-%d", n%longIDs))
		r.call("Register", callBound, func() error { return client.Register(ctx, service) })
		r.call("Close", closeBound, client.Close)
	}
}

func (r *Registrations) runCommands(ctx context.Context, t testing.TB) {
	for n := 0; ; n++ {
		p := r.command(t, fmt.Sprintf("command-%d", n%2))
		var fault string
		select {
		case <-time.After(commandEvery):
			fault = p.endByTerm(t)
		case <-ctx.Done():
			fault = p.endByTerm(t)
		case <-p.Done():
			fault = fmt.Sprintf("%s ended by itself:\n%s", p, p.Output())
		}
		r.mu.Lock()
		r.report.Commands++
		if fault != "" {
			r.report.fault("%s", fault)
		}
		r.mu.Unlock()
		if ctx.Err() != nil || fault != "" {
			return
		}
	}
}

// endByTerm ends a process by TERM, and says what was wrong with that.
func (p *Process) endByTerm(t testing.TB) string {
	p.Signal(t, syscall.SIGTERM)
	select {
	case <-p.done:
		return ""
	case <-time.After(Patience):
		p.Kill()
		return fmt.Sprintf("%s did not end in %v after TERM", p, Patience)
	}
}

// Stop ends the stream, waits until etcd holds what is desired and nothing else,
// for the lease TTL and three seconds, and reports. etcd has to be in contact.
// What is desired then stays registered until the end of the test.
func (r *Registrations) Stop(t testing.TB) RegistrationsReport {
	t.Helper()
	r.cancel()
	r.streams.Wait()
	took, err := Poll(r.o.Lease+3*time.Second, func() error { return r.differences(t) })
	r.mu.Lock()
	r.report.Settled = took
	if err != nil {
		r.report.fault("%v after the end: %v", took.Round(time.Millisecond), err)
	}
	report := r.report
	r.mu.Unlock()
	return report
}

// differences says how etcd differs from what is desired.
func (r *Registrations) differences(t testing.TB) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	prefix := registryPrefix + ChurnNamespace + "/"
	resp, err := r.o.Etcd.Client().Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return err
	}
	var got []string
	for _, kv := range resp.Kvs {
		if kv.Lease == 0 {
			return fmt.Errorf("%q has no lease", kv.Key)
		}
		got = append(got, strings.TrimPrefix(string(kv.Key), prefix))
	}
	want := []string{"commands/" + heldID}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range maps.Keys(r.desired) {
		if r.desired[id] {
			want = append(want, "long/"+id)
		}
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Errorf("etcd holds %q, desired are %q", got, want)
	}
	return nil
}
