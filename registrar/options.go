package registrar

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rosterdns/roster/catalog"
)

// DefaultNamespace is the namespace of names and services that state none,
// unless WithNamespace names another.
const DefaultNamespace = "default"

// Lease times, in whole seconds.
const (
	// DefaultLeaseTTL is how long instances outlive their process by default:
	// short enough for clients not to wait long, long enough to live through
	// an election of etcd.
	DefaultLeaseTTL = 15 * time.Second
	// MinLeaseTTL is the shortest lease that etcd grants with its default
	// election timeout; it would silently lengthen a shorter one.
	MinLeaseTTL = 2 * time.Second
	// MaxLeaseTTL bounds for how long a crashed process can be served.
	MaxLeaseTTL = time.Hour
)

// Options is what the Options of a registry come to. Drivers get it from
// NewOptions; users set it by the With functions.
type Options struct {
	// Endpoints are the URLs of the backend, or what else the driver takes; none means
	// the driver's default.
	Endpoints []string
	// Prefix is what the keys of the registry start with, as
	// catalog.CleanPrefix returns it.
	Prefix string
	// Namespace is that of names and services that state none.
	Namespace string
	// Zone is the DNS zone of the registry, for drivers that ask DNS; empty means the
	// driver's default.
	Zone string
	// LeaseTTL is how long instances outlive their process.
	LeaseTTL time.Duration
	// Logger gets warnings; it is never nil.
	Logger *slog.Logger
	// TLS is for https endpoints; nil means the system's certificate
	// authorities and no client certificate.
	TLS *tls.Config
	// Username and Password log in to the backend; both or neither.
	Username, Password string
	// Snapshot is the path of the file that keeps what was read; empty for none.
	Snapshot string
	// TLSFiles are PEM files for https endpoints, in place of TLS, that are read
	// again at each new connection.
	TLSFiles *TLSFiles
	// CredentialsFile is the path of a file with the user on its first line and the
	// password on its second, in place of Username and Password.
	CredentialsFile string
	// Observer is told what the client does; nil for nobody.
	Observer Observer
	// Extra holds the options of drivers, under keys of the driver's own
	// types. Drivers ignore what is not theirs.
	Extra map[any]any
}

// TLSFiles are the paths of PEM files for TLS.
type TLSFiles struct {
	// Cert and Key are the client's certificate and its key, both or neither.
	Cert, Key string
	// CA holds the certificate authorities of servers; empty for the system's.
	CA string
}

// Option changes Options. Its value is checked by Init.
type Option func(*Options)

// NewOptions applies opts to the defaults and checks what is common to all
// drivers. It is for drivers. The error is ErrInvalid and names every option at
// fault.
func NewOptions(opts ...Option) (*Options, error) {
	o := &Options{
		Prefix:    catalog.DefaultPrefix,
		Namespace: DefaultNamespace,
		LeaseTTL:  DefaultLeaseTTL,
		Extra:     map[any]any{},
	}
	for i, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("registrar: option %d is nil: %w", i+1, ErrInvalid)
		}
		opt(o)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	prefix, err := catalog.CleanPrefix(o.Prefix)
	if err := errors.Join(err, catalog.CheckNamespace(o.Namespace), checkLeaseTTL(o.LeaseTTL)); err != nil {
		return nil, fmt.Errorf("registrar: options: %w", err)
	}
	o.Prefix = prefix
	return o, nil
}

func checkLeaseTTL(ttl time.Duration) error {
	if ttl < MinLeaseTTL || ttl > MaxLeaseTTL || ttl%time.Second != 0 {
		return fmt.Errorf("%w lease TTL %v: must be from %v to %v, in whole seconds", ErrInvalid, ttl, MinLeaseTTL, MaxLeaseTTL)
	}
	return nil
}

// WithEndpoints sets the URLs of the backend, such as
// "https://etcd-1.example.com:2379"; for etcd the default is
// http://127.0.0.1:2379. For dns they are servers, such as "10.0.0.53" or
// "10.0.0.53:5353", and the default is those of the system.
func WithEndpoints(urls ...string) Option {
	return func(o *Options) { o.Endpoints = append([]string(nil), urls...) }
}

// WithPrefix sets what the keys of the registry start with; the default is
// catalog.DefaultPrefix.
func WithPrefix(prefix string) Option {
	return func(o *Options) { o.Prefix = prefix }
}

// WithNamespace sets the namespace of names and services that state none; the
// default is DefaultNamespace.
func WithNamespace(namespace string) Option {
	return func(o *Options) { o.Namespace = namespace }
}

// WithLeaseTTL sets how long instances outlive a process that ends without
// Unregister or Close: MinLeaseTTL to MaxLeaseTTL in whole seconds; the default
// is DefaultLeaseTTL.
func WithLeaseTTL(ttl time.Duration) Option {
	return func(o *Options) { o.LeaseTTL = ttl }
}

// WithLogger sets where warnings go, such as lost contact with the backend. Nil
// and the default are slog.Default. The handler is called by a goroutine of its
// own, so it may use the client, and a slow one delays nobody; messages that it
// doesn't take in time are dropped.
func WithLogger(log *slog.Logger) Option {
	return func(o *Options) { o.Logger = log }
}

// WithTLS sets the TLS configuration for https endpoints. Nil and the default are
// the system's certificate authorities without a client certificate.
func WithTLS(config *tls.Config) Option {
	return func(o *Options) { o.TLS = config }
}

// WithCredentials sets the user and password to log in with.
func WithCredentials(user, password string) Option {
	return func(o *Options) { o.Username, o.Password = user, password }
}

// WithTLSFiles is WithTLS from PEM files, which are read again at each new connection:
// the client's certificate and key, both or neither, and the certificate authorities
// of the servers. Empty ones mean no client certificate, and the system's authorities.
func WithTLSFiles(cert, key, ca string) Option {
	return func(o *Options) { o.TLSFiles = &TLSFiles{Cert: cert, Key: key, CA: ca} }
}

// WithCredentialsFile is WithCredentials from a file with the user on its first line
// and the password on its second, which is read again when it changes.
func WithCredentialsFile(path string) Option {
	return func(o *Options) { o.CredentialsFile = path }
}

// WithSnapshot sets the path of a file that keeps what GetService has read, so
// that a program which starts while the backend is away has answers: stale ones,
// not older than a day. It is written in the background, every two seconds at
// most and when the client closes, and holds the services asked for within the
// last ten minutes. Each process needs its own file. It is read at the first
// request; if it can't be read or written, a warning is logged.
func WithSnapshot(path string) Option {
	return func(o *Options) { o.Snapshot = path }
}

// WithObserver sets who is told what the client does. Nil and the default are nobody.
// Packages observe/prometheus and observe/otel have observers.
func WithObserver(observer Observer) Option {
	return func(o *Options) { o.Observer = observer }
}
