package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
)

// connect opens a client as the global flags say, without I/O but for the files
// that they name.
func (a *app) connect(ctx context.Context, more ...registrar.Option) (*registrar.Client, error) {
	g := &a.globals
	if err := g.check(); err != nil {
		return nil, err
	}
	level := slog.LevelError // what the library warns of, the command says itself, and once
	if g.verbose {
		level = slog.LevelDebug
	}
	opts := []registrar.Option{
		registrar.WithEndpoints(g.endpoints...),
		registrar.WithPrefix(g.prefix),
		registrar.WithNamespace(a.namespace()),
		registrar.WithLogger(slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))),
	}
	if g.user != "" {
		password, err := readPassword(g.passwordFile)
		if err != nil {
			return nil, err
		}
		opts = append(opts, registrar.WithCredentials(g.user, password))
	}
	if g.cert != "" || g.cacert != "" {
		opts = append(opts, registrar.WithTLSFiles(g.cert, g.key, g.cacert))
	}
	return a.open(ctx, append(opts, more...)...)
}

// oneShot runs what a command that ends by itself does: with a client, within
// --timeout.
func (a *app) oneShot(ctx context.Context, do func(context.Context, *registrar.Client) error, more ...registrar.Option) (err error) {
	client, err := a.connect(ctx, more...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, a.globals.timeout)
	defer cancel()
	defer func() {
		// A client that is done with reading has nothing to lose any more.
		if closeErr := client.Close(); err == nil && !errors.Is(closeErr, registrar.ErrUnsupported) {
			err = closeErr
		}
	}()
	return a.globals.withPrefix(ctx, client, do(ctx, client))
}

// inspector is a driver that can tell whether the registry has no key at all.
type inspector interface {
	Empty(ctx context.Context) (bool, error)
}

// withPrefix adds to an error of something that was not found that nothing is below the
// prefix that was given, which then is likely to be mistyped.
func (g *globals) withPrefix(ctx context.Context, client *registrar.Client, err error) error {
	in, ok := client.Registry.(inspector)
	if !ok || !errors.Is(err, registrar.ErrNotFound) || !g.prefixGiven() {
		return err
	}
	if empty, emptyErr := in.Empty(ctx); emptyErr != nil || !empty { // a user of one namespace may not ask
		return err
	}
	return fmt.Errorf("%w: nothing is registered below prefix %q: check --prefix", err, g.prefix)
}

// retryPause is short for a person who waits, and long for a processor.
const retryPause = 50 * time.Millisecond

// getService is GetService with the patience of ctx, where the library gives up
// after a second. It is called once etcd has answered something, so that the
// error is ctx's, and not ErrUnavailable, if the service doesn't come in time.
func getService(ctx context.Context, client *registrar.Client, name string) (*registrar.Service, error) {
	for {
		s, err := client.GetService(ctx, name)
		if !errors.Is(err, registrar.ErrUnavailable) {
			return s, err
		}
		if err := backoff.Sleep(ctx, retryPause); err != nil {
			return nil, fmt.Errorf("getting %q: etcd answered, but did not send all instances in time: %w", name, err)
		}
	}
}
