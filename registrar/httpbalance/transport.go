package httpbalance

import (
	"io"
	"net/http"
	"sync"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/balance"
)

// Transport is an http.RoundTripper that sends requests to instances of services. It is
// safe for concurrent use, and has no goroutine but those of http.Transport.
type Transport struct {
	finder   balance.Finder
	config   *config
	others   http.RoundTripper // for hosts that name no service
	template *http.Transport
	services sync.Map // of key to *service

	mu    sync.Mutex
	pools map[*pool]bool
}

// key is what services are told apart by.
type key struct{ scheme, name string }

// New returns a Transport that finds services by a finder, such as a *registrar.Client.
func New(finder balance.Finder, opts ...Option) *Transport {
	c := newConfig(opts)
	t := &Transport{finder: finder, config: c, others: http.DefaultTransport, template: newTemplate(c.base), pools: map[*pool]bool{}}
	if c.base != nil {
		t.others = c.base
	}
	return t
}

// NewClient returns an http.Client with a Transport.
func NewClient(finder balance.Finder, opts ...Option) *http.Client {
	return &http.Client{Transport: New(finder, opts...)}
}

// RoundTrip implements http.RoundTripper. A program must close the body of each response,
// as with any other: its request is in flight until that, or until all of it has been read.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL == nil || !t.config.names(req.URL) {
		return t.others.RoundTrip(req)
	}
	s, err := t.service(req)
	if err != nil {
		closeBody(req.Body)
		return nil, err
	}
	return s.send(req)
}

// CloseIdleConnections closes the connections that are idle now, as that of
// http.Transport does.
func (t *Transport) CloseIdleConnections() {
	if o, ok := t.others.(interface{ CloseIdleConnections() }); ok {
		o.CloseIdleConnections()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for p := range t.pools {
		p.CloseIdleConnections()
	}
}

// service returns the service that a request goes to.
func (t *Transport) service(req *http.Request) (*service, error) {
	name, err := t.config.name(req.URL)
	if err != nil {
		return nil, err
	}
	k := key{req.URL.Scheme, name}
	if s, ok := t.services.Load(k); ok {
		return s.(*service), nil
	}
	// One that doesn't exist is forgotten: URLs can be made up.
	if _, err := t.finder.GetService(req.Context(), name); err != nil {
		return nil, err
	}
	s, _ := t.services.LoadOrStore(k, t.newService(k))
	return s.(*service), nil
}

func (t *Transport) newService(k key) *service {
	opts := []balance.Option{balance.WithPolicy(balance.LeastLoaded), balance.WithPort(k.scheme, "")}
	opts = append(opts, t.config.balance...)
	opts = append(opts, balance.WithProtocol(catalog.ProtocolTCP), balance.WithPool(t.open))
	return &service{t.config, balance.New(t.finder, k.name, opts...), newBudget(t.config.retryBudget)}
}

// open opens the pool of an instance.
func (t *Transport) open(_ *registrar.Instance, addr string) io.Closer {
	p := newPool(t.template, addr, t.config.connectTimeout, t.forget)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pools[p] = true
	return p
}

// forget is called when an instance has left.
func (t *Transport) forget(p *pool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.pools, p)
}

var _ interface {
	http.RoundTripper
	CloseIdleConnections()
} = (*Transport)(nil)
