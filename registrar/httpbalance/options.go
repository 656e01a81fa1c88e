package httpbalance

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rosterdns/roster/registrar/balance"
)

const (
	// DefaultSuffix is the last label of hosts that name a service.
	DefaultSuffix = "roster"
	// DefaultRetries is how often a request is sent again that has failed. A second
	// instance that fails, too, is rare; a third one says that it is not the instances'
	// fault.
	DefaultRetries = 2
	// DefaultRetryBudget is the part of the requests to a service that can be sent again:
	// enough for one of five instances to fail, too little to hurt. It is Finagle's.
	DefaultRetryBudget = 0.2
	// DefaultConnectTimeout bounds how long connecting to an instance takes. Within a
	// network it takes milliseconds; this leaves room for one lost packet, which TCP
	// repeats after a second.
	DefaultConnectTimeout = 2 * time.Second
)

// Option changes how a Transport works.
type Option func(*config)

type config struct {
	suffix         string // with a dot in front
	base           *http.Transport
	balance        []balance.Option
	host           string
	retries        int
	retryStatus    []int
	retryBudget    float64
	tryTimeout     time.Duration
	connectTimeout time.Duration
}

func newConfig(opts []Option) *config {
	c := &config{
		suffix: "." + DefaultSuffix, retries: DefaultRetries, retryBudget: DefaultRetryBudget, connectTimeout: DefaultConnectTimeout,
		retryStatus: []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}
	for _, opt := range opts {
		opt(c)
	}
	return c
}

// WithSuffix sets what hosts that name a service end with, which can have several
// labels; the default is DefaultSuffix. With the zone of the DNS server, such as
// "svc.internal", URLs are the same with and without this package.
func WithSuffix(suffix string) Option {
	return func(c *config) { c.suffix = "." + strings.ToLower(strings.Trim(suffix, ".")) }
}

// WithTransport sets the transport that other hosts are reached by, as it is. Instances
// are reached by clones of it, one for each, so that its limits of connections hold for
// each instance. Proxy is not used for them; DialContext and DialTLSContext get the
// instance's address; the deprecated Dial and DialTLS must not be set. It must not be
// changed any more. The default is http.DefaultTransport, for instances with up to
// 100 idle connections each.
func WithTransport(base *http.Transport) Option {
	return func(c *config) { c.base = base }
}

// WithBalance sets how instances are picked. The default is balance.LeastLoaded.
func WithBalance(opts ...balance.Option) Option {
	return func(c *config) { c.balance = slices.Clone(opts) }
}

// WithHost sets the Host header of all requests to instances; by default it is what the
// program wrote, such as "orders.roster".
func WithHost(host string) Option {
	return func(c *config) { c.host = host }
}

// WithRetries sets how often a request is sent again that has reached an instance and
// failed, 0 for never; the default is DefaultRetries. Instances that can't be connected to
// don't count.
func WithRetries(n int) Option {
	return func(c *config) { c.retries = n }
}

// WithRetryStatus sets for which statuses a request is sent again; the default is 502, 503
// and 504.
func WithRetryStatus(codes ...int) Option {
	return func(c *config) { c.retryStatus = slices.Clone(codes) }
}

// WithRetryBudget sets how many requests can be sent again for each one that is made, from
// 0 to 1: on average, of each service. The default is DefaultRetryBudget.
func WithRetryBudget(fraction float64) Option {
	return func(c *config) { c.retryBudget = fraction }
}

// WithTryTimeout bounds how long an instance may take until the header of its response is
// there; then the try has failed. The request as a whole is bounded by its context. The
// default is no bound.
func WithTryTimeout(d time.Duration) Option {
	return func(c *config) { c.tryTimeout = d }
}

// WithConnectTimeout bounds how long connecting to an instance may take, without TLS; the
// default is DefaultConnectTimeout.
func WithConnectTimeout(d time.Duration) Option {
	return func(c *config) { c.connectTimeout = d }
}
