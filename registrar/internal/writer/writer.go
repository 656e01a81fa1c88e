package writer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

const (
	// writeWait is how long Register and Unregister wait for their write.
	writeWait = time.Second
	// maxErrors bounds how many instances an error of Wait tells of.
	maxErrors = 10
)

var errNoAnswer = errors.New("no answer yet")

// Config says what a writer works with.
type Config struct {
	Backend Backend
	Follow  Follow
	// Prefix is that of the registry, as catalog.CleanPrefix returns it.
	Prefix string
	// TTL is that of the lease.
	TTL time.Duration
	// LeaveOnClose makes Close leave what is registered.
	LeaveOnClose bool
	Log          *slog.Logger
	// Reports are for an observer; nil where there is none.
	Reports *Reports
}

// Writer keeps the instances of a client in etcd. It is safe for concurrent use.
type Writer struct {
	table      *table
	reconciler *reconciler
	leave      bool
	wg         sync.WaitGroup
	end        context.CancelFunc // ends the reconciler

	// Guarded by the table's mutex:
	started  bool
	statuses statuses
}

// New returns a writer. It does nothing until something is asked of it.
func New(cfg Config) *Writer {
	w := &Writer{table: newTable(cfg.Log, cfg.TTL, cfg.Reports), leave: cfg.LeaveOnClose}
	running, end := context.WithCancel(context.Background())
	w.end = end
	w.reconciler = &reconciler{
		table: w.table, backend: cfg.Backend, follow: cfg.Follow, root: cfg.Prefix + "/", running: running,
		pause: backoff.New(retryBase, retryLimit), retry: stoppedTimer(), audit: stoppedTimer(), stragglers: stoppedTimer(),
	}
	w.reconciler.lease = &lease{backend: cfg.Backend, table: w.table, call: w.reconciler.request, silence: stoppedTimer()}
	return w
}

// Register records the instances of a prepared service as desired, all at once, and waits
// a while for them. The error is ErrClosed.
func (w *Writer) Register(ctx context.Context, service *registrar.Service) error {
	values := make([][]byte, len(service.Instances))
	for i := range service.Instances {
		values[i] = service.Instances[i].EncodeValue()
	}
	asked, err := w.ask(func() []*entry { return w.table.register(service.Namespace, service.Name, service.Instances, values) })
	if err == nil {
		w.await(ctx, asked)
	}
	return err
}

// Unregister records that instances are to go, all of this client's in the
// service if ids is empty, and waits a while for it. The error is ErrClosed.
func (w *Writer) Unregister(ctx context.Context, service *registrar.Service, ids []string) error {
	asked, err := w.ask(func() []*entry { return w.table.unregister(service.Namespace, service.Name, ids) })
	if err == nil {
		w.await(ctx, asked)
	}
	return err
}

// ask records what is asked for, and has it done. It returns the entries of which
// record says that this changes anything.
func (w *Writer) ask(record func() []*entry) ([]*entry, error) {
	t := w.table
	t.lock()
	defer t.unlock()
	if t.closed {
		return nil, registrar.ErrClosed
	}
	list := record()
	if len(list) == 0 {
		return nil, nil
	}
	t.contact.resume = time.Time{} // what a user asks for now is no part of a crowd
	if !w.started {
		w.started = true
		w.wg.Go(func() { w.reconciler.run(w.reconciler.running) })
	}
	t.nudge()
	return list, nil
}

// await waits until the reconciler has tried what was asked, at most writeWait,
// and not at all while etcd is known to be away.
func (w *Writer) await(ctx context.Context, asked []*entry) {
	if len(asked) == 0 || ctx.Err() != nil {
		return
	}
	t := w.table
	var c *caller
	t.with(func() { c = t.wait(asked) })
	timeout := time.NewTimer(writeWait)
	defer timeout.Stop()
	select {
	case <-c.done:
	case <-ctx.Done():
		t.with(func() { t.callers.end(c) })
	case <-timeout.C:
		t.with(func() {
			t.callers.end(c)
			t.contact.slow = true // the next caller doesn't wait until etcd has answered
		})
	}
}

// Wait returns nil once etcd has all that is desired; ErrPermission as soon as
// etcd refuses the user; else, when ctx is done, its error joined with those of
// the first instances that are missing; ErrClosed.
func (w *Writer) Wait(ctx context.Context) error {
	t := w.table
	for {
		t.lock()
		changed, closed, refusal, left := t.changed, t.closed, t.refusal(), len(t.open)
		t.unlock()
		switch {
		case closed:
			return registrar.ErrClosed
		case refusal != nil:
			return refusal
		case left == 0:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return w.unfinished(ctx.Err())
		}
	}
}

// refusal returns why etcd refuses the user an instance; nil if it does not. It is
// asked for with each change.
func (t *table) refusal() error {
	for e := range t.open {
		if errors.Is(e.refused, registrar.ErrPermission) {
			return fmt.Errorf("registrar: %s: %w", e.name, e.problem(t.contact.away))
		}
	}
	return nil
}

// unfinished returns the error of a Wait that ended before etcd had all that is
// desired.
func (w *Writer) unfinished(err error) error {
	t := w.table
	t.lock()
	defer t.unlock()
	if len(t.open) == 0 {
		return nil // at the last moment
	}
	err = fmt.Errorf("registrar: waiting for %d of %d instances to be registered or unregistered: %w", len(t.open), len(t.statuses()), err)
	errs := []error{err}
	byKey := func(a, b *entry) int { return cmp.Compare(a.key, b.key) }
	for _, e := range slices.SortedFunc(maps.Keys(t.open), byKey) {
		if problem := e.problem(t.contact.away); problem != nil && len(errs) <= maxErrors {
			errs = append(errs, fmt.Errorf("%s: %w", e.name, problem))
		}
	}
	if len(errs) == 1 && !t.contact.answered {
		errs = append(errs, etcderror.Classify(etcderror.Explain(errNoAnswer, w.reconciler.backend.LastError())))
	}
	return errors.Join(errs...)
}

// Status tells what has become of each instance, in order of namespace, service
// and ID. It is nil after Close.
func (w *Writer) Status() []registrar.InstanceStatus {
	t := w.table
	t.lock()
	defer t.unlock()
	if t.closed {
		return nil
	}
	if w.statuses.asOf != t.changed {
		w.statuses = statuses{t.changed, t.statuses()}
	}
	return slices.Clone(w.statuses.list)
}

// statuses is what Status returns until something changes: who shows it to people
// asks often.
type statuses struct {
	asOf chan struct{} // the table's changed
	list []registrar.InstanceStatus
}

func (t *table) statuses() []registrar.InstanceStatus {
	var out []registrar.InstanceStatus
	for _, e := range t.index.entries {
		if e.state == "" {
			continue
		}
		out = append(out, e.status(t.contact.away))
	}
	slices.SortFunc(out, func(a, b registrar.InstanceStatus) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Service, b.Service), cmp.Compare(a.ID, b.ID))
	})
	return out
}
