package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/internal/logqueue"
	"github.com/rosterdns/roster/registrar/internal/request"
)

// Name is the name of the driver.
const Name = "etcd"

func init() { registrar.RegisterDriver(Name, New) }

// New returns a registry for Init, as registrar.Open does.
func New() registrar.Registry { return &driver{} }

// driver implements registrar.Registry and all that a Client can do besides.
type driver struct {
	parts atomic.Pointer[parts] // nil before Init

	mu       sync.Mutex
	closed   bool
	closing  sync.Once
	closeErr error
}

// parts is what a driver consists of once it is configured.
type parts struct {
	namespace string
	writer    *session
	reader    *reader
	conn      io.Closer // nil if the connection is the user's
	logs      *logqueue.Queue
}

// newParts returns what talks to etcd by the backend and the source.
func newParts(ctx context.Context, o *registrar.Options, writing backend, reading mirror.Source) *parts {
	leave, _ := o.Extra[keyLeaveOnClose].(bool)
	return &parts{
		namespace: o.Namespace,
		writer:    newSession(ctx, writing, o, leave),
		reader:    newReader(ctx, reading, o),
	}
}

var _ request.Driver = (*driver)(nil)

// Name implements registrar.Registry.
func (d *driver) Name() string { return Name }

// Init implements registrar.Registry.
func (d *driver) Init(ctx context.Context, opts ...registrar.Option) error {
	o, err := registrar.NewOptions(opts...)
	if err != nil {
		return err
	}
	log, logs := logqueue.New(o.Logger)
	o.Logger = log
	clients, conn, err := connection(o)
	if err != nil {
		return fmt.Errorf("registrar: etcd options: %w: %w", err, registrar.ErrInvalid)
	}
	p := newParts(ctx, o, &cluster{clients: clients}, mirror.Etcd{Clients: clients})
	p.conn, p.logs = conn, logs
	return d.assemble(p)
}

func (d *driver) assemble(p *parts) error {
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

// connection returns the way to etcd that the options describe. The closer is
// nil where the connection is the user's.
func connection(o *registrar.Options) (mirror.Clients, io.Closer, error) {
	files, _ := o.Extra[keyTLSFiles].(*etcdclient.TLSFiles)
	credentials, _ := o.Extra[keyCredentialsFile].(string)
	if given, ok := o.Extra[keyClient]; ok {
		client, _ := given.(*clientv3.Client)
		switch {
		case client == nil:
			return nil, nil, errors.New("WithClient was given no client")
		case len(o.Endpoints) > 0 || o.TLS != nil || files != nil || credentials != "" || o.Username != "" || o.Password != "":
			return nil, nil, errors.New("WithClient stands beside endpoints, TLS or credentials, which the client has already")
		case client.ActiveConnection() == nil:
			return nil, nil, errors.New("WithClient was given a client without a connection, as of an etcd in the same process: use its endpoint")
		}
		return userClient{client}, nil, nil
	}
	if o.TLS != nil && files != nil {
		return nil, nil, errors.New("TLS is given both as a configuration and as files: use one")
	}
	conn, err := etcdclient.New(etcdclient.Config{
		Endpoints: o.Endpoints, Username: o.Username, Password: o.Password, CredentialsFile: credentials,
		TLS: o.TLS, Files: files, Log: o.Logger,
	})
	if err != nil {
		return nil, nil, err
	}
	return conn, conn, nil
}

// userClient is a connection that the user made.
type userClient struct{ client *clientv3.Client }

// Client implements mirror.Clients.
func (u userClient) Client(context.Context) (*clientv3.Client, error) { return u.client, nil }

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
	wish, err := request.Register(service, p.namespace)
	if err != nil {
		return err
	}
	return p.writer.register(ctx, wish)
}

// Unregister implements registrar.Registry.
func (d *driver) Unregister(ctx context.Context, service *registrar.Service) error {
	p, err := d.ready()
	if err != nil {
		return err
	}
	target, ids, err := request.Unregister(service, p.namespace)
	if err != nil {
		return err
	}
	return p.writer.unregister(ctx, target, ids)
}

// GetService implements registrar.Registry.
func (d *driver) GetService(ctx context.Context, name string) (*registrar.Service, error) {
	p, err := d.ready()
	if err != nil {
		return nil, err
	}
	return p.reader.get(ctx, name)
}

// Wait implements registrar.Waiter.
func (d *driver) Wait(ctx context.Context) error {
	p, err := d.ready()
	if err != nil {
		return err
	}
	return p.writer.wait(ctx)
}

// List implements registrar.Lister.
func (d *driver) List(ctx context.Context, namespace string) ([]string, error) {
	p, err := d.ready()
	if err != nil {
		return nil, err
	}
	return p.reader.list(ctx, namespace)
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
	if err := request.Instance(namespace, service, id); err != nil {
		return false, err
	}
	read := []edit{{action: actionRead, key: catalog.InstanceKey(p.reader.prefix, namespace, service, id)}}
	err = p.reader.try(ctx, func(ctx context.Context) (answered bool, err error) {
		_, outcomes, err := p.writer.etcd.apply(ctx, read)
		found = err == nil && outcomes[0].found != nil
		return err == nil, err
	})
	return found && err == nil, err
}

// Status implements registrar.Reporter.
func (d *driver) Status() []registrar.InstanceStatus {
	p, err := d.ready()
	if err != nil {
		return nil
	}
	return p.writer.status()
}

// Close implements registrar.Closer.
func (d *driver) Close() error {
	d.closing.Do(func() {
		start := time.Now()
		d.mu.Lock()
		d.closed = true
		p := d.parts.Load()
		d.mu.Unlock()
		if p == nil {
			return
		}
		p.reader.shut()
		d.closeErr = p.writer.close(start.Add(farewellTimeout))
		p.reader.wg.Wait()
		if p.conn != nil {
			d.closeErr = errors.Join(d.closeErr, p.conn.Close())
		}
		p.reader.awaitDisk(start.Add(closeTimeout))
		p.logs.Flush(start.Add(closeTimeout))
	})
	return d.closeErr
}
