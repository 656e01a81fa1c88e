package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/internal/logqueue"
	"github.com/rosterdns/roster/registrar/internal/request"
)

// Name is the name of the driver.
const Name = "memory"

func init() { registrar.RegisterDriver(Name, New) }

// New returns a registry for Init, as registrar.Open does.
func New() registrar.Registry { return &driver{} }

// driver implements registrar.Registry and all that a Client can do besides.
type driver struct {
	mu     sync.RWMutex // guards the next two, and is taken before the store's
	store  *Store       // nil before Init
	closed bool

	namespace string
	leave     bool
	log       *slog.Logger
	logs      *logqueue.Queue

	// The store's mutex guards these:
	wishes map[instanceKey]*wish
	wrote  map[instanceKey]struct{} // what the client has written ever
}

var _ request.Driver = (*driver)(nil)

// Name implements registrar.Registry.
func (d *driver) Name() string { return Name }

// Init implements registrar.Registry.
func (d *driver) Init(_ context.Context, opts ...registrar.Option) error {
	o, err := registrar.NewOptions(opts...)
	if err != nil {
		return err
	}
	store := NewStore()
	if given, ok := o.Extra[keyStore]; ok {
		if store, _ = given.(*Store); store == nil {
			return fmt.Errorf("registrar: memory options: WithStore was given no store: %w", registrar.ErrInvalid)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return registrar.ErrClosed
	}
	if d.store != nil {
		return fmt.Errorf("registrar: Init was called before on this registry: %w", registrar.ErrInvalid)
	}
	d.leave, _ = o.Extra[keyLeaveOnClose].(bool)
	d.store, d.namespace, d.wishes, d.wrote = store, o.Namespace, map[instanceKey]*wish{}, map[instanceKey]struct{}{}
	d.log, d.logs = logqueue.New(o.Logger)
	store.mu.Lock()
	defer store.mu.Unlock()
	store.clients = append(store.clients, d)
	return nil
}

// locked calls fn with the store locked, if the driver is in use.
func (d *driver) locked(fn func()) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.ready(); err != nil {
		return err
	}
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	fn()
	return nil
}

// ready says why the driver can't be used, if so. The caller holds the mutex.
func (d *driver) ready() error {
	switch {
	case d.closed:
		return registrar.ErrClosed
	case d.store == nil:
		return fmt.Errorf("registrar: Init was not called on this registry: %w", registrar.ErrInvalid)
	}
	return nil
}

// check is ready for callers without the mutex.
func (d *driver) check() error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.ready()
}

// Register implements registrar.Registry.
func (d *driver) Register(_ context.Context, service *registrar.Service) error {
	if err := d.check(); err != nil {
		return err
	}
	s, err := request.Register(service, d.namespace)
	if err != nil {
		return err
	}
	return d.locked(func() {
		for _, in := range s.Instances {
			d.want(instanceKey{serviceKey{s.Namespace, s.Name}, in.ID}, in)
		}
	})
}

// Unregister implements registrar.Registry.
func (d *driver) Unregister(_ context.Context, service *registrar.Service) error {
	if err := d.check(); err != nil {
		return err
	}
	target, ids, err := request.Unregister(service, d.namespace)
	if err != nil {
		return err
	}
	key := serviceKey{target.Namespace, target.Name}
	return d.locked(func() {
		for _, id := range ids {
			d.unwant(instanceKey{key, id})
		}
		if len(ids) > 0 {
			return
		}
		for k := range d.wishes {
			if k.serviceKey == key {
				d.unwant(k)
			}
		}
	})
}

// GetService implements registrar.Registry.
func (d *driver) GetService(_ context.Context, name string) (*registrar.Service, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	n, err := registrar.ParseName(name, d.namespace)
	if err != nil {
		return nil, err
	}
	if s := d.store.get(n); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("registrar: service %s: %w", n, registrar.ErrNotFound)
}

// Wait implements registrar.Waiter.
func (d *driver) Wait(ctx context.Context) error {
	for {
		var left []error
		var all int
		var changed chan struct{}
		err := d.locked(func() {
			changed, all = d.store.changed, len(d.wishes)
			for k, w := range d.wishes {
				if w.state != registrar.StateRegistered {
					left = append(left, fmt.Errorf("%s/%s/%s: %w", k.namespace, k.name, k.id, registrar.ErrSuperseded))
				}
			}
		})
		if err != nil || len(left) == 0 {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			err := fmt.Errorf("registrar: waiting for %d of %d instances to be registered as wished: %w", len(left), all, ctx.Err())
			return errors.Join(append([]error{err}, left...)...)
		}
	}
}

// List implements registrar.Lister.
func (d *driver) List(_ context.Context, namespace string) ([]string, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if namespace != "" {
		if err := catalog.CheckNamespace(namespace); err != nil {
			return nil, fmt.Errorf("registrar: listing: %w", err)
		}
	}
	return d.store.list(namespace), nil
}

// Exists reports whether there is an instance, whatever its status. Errors are
// those of Client.List.
func (d *driver) Exists(_ context.Context, namespace, service, id string) (found bool, err error) {
	if err := d.check(); err != nil {
		return false, err
	}
	if err := request.Instance(namespace, service, id); err != nil {
		return false, err
	}
	err = d.locked(func() { _, found = d.store.entry(instanceKey{serviceKey{namespace, service}, id}) })
	return found, err
}

// Status implements registrar.Reporter.
func (d *driver) Status() []registrar.InstanceStatus {
	var out []registrar.InstanceStatus
	err := d.locked(func() {
		for k, w := range d.wishes {
			st := registrar.InstanceStatus{Namespace: k.namespace, Service: k.name, ID: k.id, State: w.state, Since: w.since}
			if w.state == registrar.StateSuperseded {
				st.Err = registrar.ErrSuperseded
			}
			out = append(out, st)
		}
	})
	if err != nil {
		return nil
	}
	slices.SortFunc(out, func(a, b registrar.InstanceStatus) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Service, b.Service), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// closeTimeout bounds Close, which waits for nothing but the log's handler.
const closeTimeout = 2 * time.Second

// Close implements registrar.Closer.
func (d *driver) Close() error {
	if logs := d.shut(); logs != nil {
		logs.Flush(time.Now().Add(closeTimeout))
	}
	return nil
}

// shut unregisters and returns the queue of the log; nil if there is nothing
// more to do.
func (d *driver) shut() *logqueue.Queue {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.store == nil {
		d.closed = true
		return nil
	}
	d.closed = true
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	d.store.clients = slices.DeleteFunc(d.store.clients, func(o *driver) bool { return o == d })
	for k, w := range d.wishes {
		if !w.instance.Static && !d.leave {
			d.unwant(k)
		}
	}
	d.store.broadcast()
	return d.logs
}
