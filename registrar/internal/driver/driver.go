// Package driver is what the registrar's drivers over an etcd have in common: a
// registry that writes by a reconciler, and reads from a replica. A driver adds
// its options and its way to etcd.
package driver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/internal/logqueue"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/optimistic"
	"github.com/rosterdns/roster/registrar/internal/overrides"
	"github.com/rosterdns/roster/registrar/internal/policies"
	"github.com/rosterdns/roster/registrar/internal/reader"
	"github.com/rosterdns/roster/registrar/internal/request"
	"github.com/rosterdns/roster/registrar/internal/writer"
)

const (
	// closeTimeout bounds Close. farewellTimeout is what it leaves for etcd; the
	// rest is for goroutines to end, and for the disk.
	closeTimeout    = 2 * time.Second
	farewellTimeout = 1800 * time.Millisecond
)

// New returns a registry for Init of a driver with the name. connect returns the
// way to etcd that options describe, without network I/O; an error is of the
// options.
func New(name string, connect func(*registrar.Options) (Etcd, error)) registrar.Registry {
	return &driver{name: name, connect: connect}
}

// driver implements registrar.Registry and all that a Client can do besides.
type driver struct {
	name    string
	connect func(*registrar.Options) (Etcd, error)
	parts   atomic.Pointer[parts] // nil before Init

	mu       sync.Mutex
	closed   bool
	closing  sync.Once
	closeErr error
}

// parts is what a driver consists of once it is configured.
type parts struct {
	namespace string
	etcd      Etcd
	replica   *lazyReplica
	writer    *writer.Writer
	reader    *reader.Reader
	lister    *reader.Lister
	policies  *policies.Editor
	overrides *overrides.Editor
	logs      *logqueue.Queue
}

var _ request.Driver = (*driver)(nil)

// Name implements registrar.Registry.
func (d *driver) Name() string { return d.name }

// Init implements registrar.Registry.
func (d *driver) Init(_ context.Context, opts ...registrar.Option) error {
	o, err := registrar.NewOptions(opts...)
	if err != nil {
		return err
	}
	log, logs := logqueue.New(o.Logger)
	o.Logger = slog.New(logqueue.Limit(log.Handler()))
	etcd, err := d.connect(o)
	if err != nil {
		return fmt.Errorf("registrar: %w %s options: %w", registrar.ErrInvalid, d.name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return registrar.ErrClosed
	}
	if !d.parts.CompareAndSwap(nil, newParts(o, etcd, logs)) {
		return fmt.Errorf("registrar: Init was called before on this registry: %w", registrar.ErrInvalid)
	}
	return nil
}

func newParts(o *registrar.Options, etcd Etcd, logs *logqueue.Queue) *parts {
	told := observe(o.Observer, &etcd)
	p := &parts{namespace: o.Namespace, etcd: etcd, logs: logs, replica: newLazyReplica(o, etcd.Source)}
	p.reader = reader.New(reader.Config{
		Namespace: o.Namespace, Open: p.replica.open, LastChange: etcd.lastChange(o.Prefix), Fault: etcd.Fault, Looked: told.looked(),
	})
	p.replica.cfg.Observer = told.replica(p.reader.Observer())
	p.lister = &reader.Lister{Source: etcd.Source, Prefix: o.Prefix, InContact: p.reader.InContact, Closed: p.reader.Closed()}
	keys := optimistic.Editor{Txn: etcd.Backend.Txn, Try: p.lister.Try}
	p.policies = &policies.Editor{Keys: keys, Prefix: o.Prefix}
	p.overrides = &overrides.Editor{Keys: keys, Prefix: o.Prefix}
	p.writer = writer.New(writer.Config{
		Backend: accompanied{etcd.Backend, p.replica}, Follow: p.replica.followInto, Prefix: o.Prefix, TTL: o.LeaseTTL, LeaveOnClose: etcd.LeaveOnClose, Log: o.Logger,
		Reports: told.reports(),
	})
	return p
}

// ready returns the parts, or why there are none. After Close each of them
// says so itself.
func (d *driver) ready() (*parts, error) {
	if p := d.parts.Load(); p != nil {
		return p, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, registrar.ErrClosed
	}
	return nil, fmt.Errorf("registrar: Init was not called on this registry: %w", registrar.ErrInvalid)
}

// Register implements registrar.Registry.
func (d *driver) Register(ctx context.Context, service *registrar.Service) error {
	p, err := d.ready()
	if err != nil {
		return err
	}
	desired, err := request.Register(service, p.namespace)
	if err != nil {
		return err
	}
	return p.writer.Register(ctx, desired)
}

// Unregister implements registrar.Registry.
func (d *driver) Unregister(ctx context.Context, service *registrar.Service) error {
	p, err := d.ready()
	if err != nil {
		return err
	}
	target, ids, err := request.Target("unregistering", service, p.namespace)
	if err != nil {
		return err
	}
	return p.writer.Unregister(ctx, target, ids)
}

// GetService implements registrar.Registry.
func (d *driver) GetService(ctx context.Context, name string) (*registrar.Service, error) {
	p, err := d.ready()
	if err != nil {
		return nil, err
	}
	return p.reader.Get(ctx, name)
}

// Wait implements registrar.Waiter.
func (d *driver) Wait(ctx context.Context) error {
	p, err := d.ready()
	if err != nil {
		return err
	}
	return p.writer.Wait(ctx)
}

// List implements registrar.Lister.
func (d *driver) List(ctx context.Context, namespace string) ([]string, error) {
	p, err := d.ready()
	if err != nil {
		return nil, err
	}
	return p.lister.List(ctx, namespace)
}

// Exists reports whether etcd has the key of an instance, whatever its value and
// its lease: GetService doesn't show what is broken, while Unregister removes
// it. Errors are those of Client.List, and leave it to the caller to say which
// instance.
func (d *driver) Exists(ctx context.Context, namespace, service, id string) (found bool, err error) {
	p, err := d.ready()
	if err != nil {
		return false, err
	}
	return p.lister.Exists(ctx, namespace, service, id)
}

// Keys implements request.Driver.
func (d *driver) Keys(ctx context.Context, namespace, service string) (keys []mirror.Event, revision int64, err error) {
	p, err := d.ready()
	if err != nil {
		return nil, 0, err
	}
	return p.lister.Keys(ctx, namespace, service)
}

// Status implements registrar.Reporter.
func (d *driver) Status() []registrar.InstanceStatus {
	p, err := d.ready()
	if err != nil {
		return nil
	}
	return p.writer.Status()
}

// Close implements registrar.Closer.
func (d *driver) Close() error {
	d.closing.Do(func() {
		start := time.Now()
		d.mu.Lock()
		d.closed = true
		p := d.parts.Load()
		d.mu.Unlock()
		if p != nil {
			d.closeErr = p.close(start)
		}
	})
	return d.closeErr
}

// close ends all parts. The writer still unregisters what it has registered, and
// so comes before the replica and the connection.
func (p *parts) close(start time.Time) error {
	ctx, cancel := context.WithDeadline(context.Background(), start.Add(closeTimeout))
	defer cancel()
	p.reader.Close()
	err := p.writer.Close(start.Add(farewellTimeout))
	err = errors.Join(err, p.replica.close(ctx))
	if p.etcd.Close != nil {
		err = errors.Join(err, p.etcd.Close())
	}
	p.logs.Flush(start.Add(closeTimeout))
	return err
}
