package etcdclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// Timing of connections.
const (
	// keepaliveTime is how long a connection is idle before it is tested: the least that
	// gRPC accepts.
	keepaliveTime = 10 * time.Second
	// keepaliveTimeout is how long the answer to that test may take; on Linux, what is
	// sent before, too, has to be acknowledged within it, or the connection is closed.
	keepaliveTimeout = 3 * time.Second
	// dialTimeout bounds one attempt to connect, and a log-in.
	dialTimeout = 3 * time.Second
	// streamWindow and connWindow are how much the server may send ahead on a stream, and
	// on all of a connection: 10 MiB/s at a round trip of 100 ms. gRPC would measure what
	// they should be, by a ping for whatever arrives: twice the packets and wake-ups of an
	// idle client, whose stream shows little but progress.
	streamWindow = 1 << 20
	connWindow   = 4 << 20
	// reconnectLimit caps gRPC's pauses between attempts, which by default
	// grow to two minutes.
	reconnectLimit = 2 * time.Second
)

// ErrClosed is the error of a Conn that was closed.
var ErrClosed = errors.New("connection closed")

// Conn is a connection to an etcd cluster that is made when it is first used.
// It is safe for concurrent use.
type Conn struct {
	cfg  Config
	life context.Context // done when the Conn is closed
	end  context.CancelFunc

	lastError lastError

	// turn holds a token of the one that uses the fields below. It is no mutex,
	// since a log-in takes seconds: others give up with their context.
	turn   chan struct{}
	client *clientv3.Client
	login  login // of the client

	logins *logins
	probes probeClients
}

// New checks the configuration and returns a Conn. It does no network I/O.
func New(cfg Config) (*Conn, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	life, end := context.WithCancel(context.Background())
	return &Conn{
		cfg: cfg, life: life, end: end, turn: make(chan struct{}, 1),
		logins: cfg.logins(), probes: newProbeClients(),
	}, nil
}

// Client returns the client of the connection. It is the same one until the
// credentials change in their file: then the old one is closed, and with it its
// watches and leases' keepalives, and a new one logs in. Without credentials
// it doesn't block; with them, it waits for the log-in, at most until ctx is
// done, the connection is closed (ErrClosed), or dialTimeout has passed. The
// client must not be closed by the caller.
func (c *Conn) Client(ctx context.Context) (*clientv3.Client, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(c.life, func() { cancel(ErrClosed) })
	defer stop()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.life.Err() != nil {
		return nil, ErrClosed
	}
	login, err := c.logins.current()
	if err != nil {
		return nil, err
	}
	if c.client != nil && login == c.login {
		return c.client, nil
	}
	client, err := c.dial(ctx, login)
	if err != nil {
		return nil, fmt.Errorf("connecting to etcd: %w", err)
	}
	old := c.client
	c.client, c.login = client, login
	if old != nil {
		_ = old.Close() // its streams end with an error, which their readers see
	}
	return client, nil
}

// ProbeClient returns a client with connections that are not those of Client, and
// not older than a second, which logs in where there are credentials; and what
// releases it. It blocks and fails as Client does.
func (c *Conn) ProbeClient(ctx context.Context) (*clientv3.Client, func(), error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.life, func() { cancel(ErrClosed) })()
	p := &c.probes
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	if c.life.Err() != nil {
		return nil, nil, ErrClosed
	}
	if one := p.take(); one != nil {
		return one.client, func() { p.release(one) }, nil
	}
	login, err := c.logins.current()
	if err != nil {
		return nil, nil, err
	}
	client, err := c.dial(ctx, login)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to etcd: %w", err)
	}
	one := p.put(client)
	if c.life.Err() != nil {
		p.close() // which Close may have done before
	}
	return client, func() { p.release(one) }, nil
}

func (c *Conn) dial(ctx context.Context, login login) (*clientv3.Client, error) {
	cfg := clientv3.Config{
		Endpoints:            c.cfg.endpoints(),
		DialTimeout:          dialTimeout,
		DialKeepAliveTime:    keepaliveTime,
		DialKeepAliveTimeout: keepaliveTimeout,
		// Pages and watch responses are larger than gRPC's default of 4 MiB.
		MaxCallRecvMsgSize: math.MaxInt32,
		Username:           login.user,
		Password:           login.password,
		Logger:             zap.NewNop(), // what fails is returned, and logged once by its caller
		DialOptions: []grpc.DialOption{
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           grpcbackoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.5, MaxDelay: reconnectLimit},
				MinConnectTimeout: dialTimeout,
			}),
			grpc.WithStaticStreamWindowSize(streamWindow), grpc.WithStaticConnWindowSize(connWindow),
		},
	}
	cfg.DialOptions = append(cfg.DialOptions, c.lastError.options(c.transport())...)
	return newClient(ctx, cfg)
}

// transport returns what secures connections, or doesn't.
func (c *Conn) transport() credentials.TransportCredentials {
	switch {
	case !strings.HasPrefix(c.cfg.endpoints()[0], "https:"):
		return insecure.NewCredentials()
	case c.cfg.Files != nil:
		return newReloading(*c.cfg.Files, c.cfg.Log)
	case c.cfg.TLS != nil:
		return credentials.NewTLS(c.cfg.TLS.Clone())
	}
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
}

// Err returns why the last attempt to connect failed: a network address that
// refuses, a handshake that fails, a server that doesn't answer. It is nil before
// the first attempt and while the server answers. Requests don't show it, since
// they wait for gRPC's next attempt until they time out.
func (c *Conn) Err() error { return c.lastError.get() }

// newClient is clientv3.New, whose log-in ends with ctx.
func newClient(ctx context.Context, cfg clientv3.Config) (*clientv3.Client, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	cfg.Context = life
	client, err := clientv3.New(cfg)
	if err != nil {
		stop()
		cancel()
		if ctx.Err() != nil {
			err = context.Cause(ctx) // rather than what etcd's client makes of it
		}
		return nil, err
	}
	if !stop() {
		_ = client.Close()
		return nil, context.Cause(ctx)
	}
	return client, nil
}

// Close closes the connection and ends all that uses it.
func (c *Conn) Close() error {
	c.end()
	c.probes.close()
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	if c.client == nil {
		return nil
	}
	err := c.client.Close()
	c.client = nil
	if errors.Is(err, context.Canceled) {
		err = nil // what clientv3 says when it closes as asked
	}
	return err
}
