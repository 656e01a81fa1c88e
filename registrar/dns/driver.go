package dns

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/internal/logqueue"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/observing"
)

// Name is the name of the driver.
const Name = "dns"

// closeTimeout bounds how long Close waits for a log handler.
const closeTimeout = 2 * time.Second

func init() { registrar.RegisterDriver(Name, New) }

// New returns a registry for Init, as registrar.Open does.
func New() registrar.Registry { return &driver{exchange: exchange} }

// driver implements registrar.Registry, registrar.Watcher and registrar.Closer.
type driver struct {
	exchange exchangeFunc
	parts    atomic.Pointer[parts] // nil before Init

	mu     sync.Mutex
	closed bool
}

// parts is what a driver consists of once it is configured.
type parts struct {
	cache  *cache
	looked func(registrar.Lookup) // nil where nobody asks
	logs   *logqueue.Queue
}

var (
	_ registrar.Watcher = (*driver)(nil)
	_ registrar.Closer  = (*driver)(nil)
)

// Name implements registrar.Registry.
func (d *driver) Name() string { return Name }

// Init implements registrar.Registry.
func (d *driver) Init(_ context.Context, opts ...registrar.Option) error {
	o, err := registrar.NewOptions(opts...)
	if err != nil {
		return err
	}
	p, err := d.newParts(o)
	if err != nil {
		return fmt.Errorf("registrar: %w %s options: %w", registrar.ErrInvalid, Name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return registrar.ErrClosed
	}
	if !d.parts.CompareAndSwap(nil, p) {
		return fmt.Errorf("registrar: Init was called before on this registry: %w", registrar.ErrInvalid)
	}
	return nil
}

func (d *driver) newParts(o *registrar.Options) (*parts, error) {
	zone, zoneErr := zoneOf(o)
	list, serversErr := serversOf(o)
	if err := cmp.Or(check(o), zoneErr, serversErr); err != nil {
		return nil, err
	}
	log, logs := logqueue.New(o.Logger)
	log = slog.New(logqueue.Limit(log.Handler()))
	asking := &client{servers: list, exchange: d.exchange}
	p := &parts{logs: logs}
	if o.Observer != nil {
		p.looked, asking.requested, asking.contacted = o.Observer.Looked, o.Observer.Requested, contacted(o.Observer)
	}
	metadata, _ := o.Extra[keyMetadata].(bool)
	r := &resolver{ask: asking.ask, zone: zone, metadata: metadata}
	p.cache = newCache(o.Namespace, zone, r.resolve)
	p.cache.inContact = asking.inContact
	p.cache.failed = func(name string, err error) {
		log.Warn("registrar: DNS gives no answer: what is known of the service is stale", "key", name, "error", err)
	}
	return p, nil
}

// contacted returns what tells an observer of contact, each time that it is made or lost.
func contacted(o registrar.Observer) func(bool) {
	queue := &observing.Queue{}
	contact := observing.NewContact(queue, o)
	return func(inContact bool) {
		contact.Note(inContact)
		queue.Tell()
	}
}

// ready returns the parts, or why there are none.
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

// Register implements registrar.Registry: DNS only reads.
func (d *driver) Register(context.Context, *registrar.Service) error { return readOnly("Register") }

// Unregister implements registrar.Registry: DNS only reads.
func (d *driver) Unregister(context.Context, *registrar.Service) error {
	return readOnly("Unregister")
}

func readOnly(method string) error {
	return fmt.Errorf("registrar: driver %q has no %s, it only finds services: %w", Name, method, registrar.ErrUnsupported)
}

// GetService implements registrar.Registry.
func (d *driver) GetService(ctx context.Context, name string) (*registrar.Service, error) {
	p, err := d.ready()
	if err != nil {
		return nil, err
	}
	service, waited, err := p.cache.get(ctx, name)
	if p.looked != nil {
		p.looked(registrar.Lookup{Name: name, Stale: service != nil && service.Stale, Waited: waited, Err: err})
	}
	return service, err
}

// Watch implements registrar.Watcher.
func (d *driver) Watch(ctx context.Context, name string) iter.Seq2[*registrar.Service, error] {
	return func(yield func(*registrar.Service, error) bool) {
		p, err := d.ready()
		if err != nil {
			yield(nil, err)
			return
		}
		w := &watch{cache: p.cache, name: name, yield: yield}
		w.run(ctx)
	}
}

// Close implements registrar.Closer.
func (d *driver) Close() error {
	start := time.Now()
	d.mu.Lock()
	d.closed = true
	p := d.parts.Load()
	d.mu.Unlock()
	if p != nil {
		p.cache.end()
		p.logs.Flush(start.Add(closeTimeout))
	}
	return nil
}
