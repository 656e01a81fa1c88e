package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
	"github.com/rosterdns/roster/registrar"
)

// statusPause is how long hold waits after a change before it looks what has become of
// its instances, so that what changes together is looked at together: soon enough for a
// person who watches, and no work for hundreds of instances that change at once.
const statusPause = 100 * time.Millisecond

// hold keeps registered what is planned until a signal comes or ctx is done, then
// unregisters it. It sleeps while nothing happens.
func (r *register) hold(ctx context.Context) error {
	w := newStatusWake()
	client, err := r.connect(ctx, registrar.WithLeaseTTL(r.lease), registrar.WithObserver(w))
	if err != nil {
		return err
	}
	r.oneProcessor()
	signals, stop := r.signals()
	defer stop()
	h := newHolder(ctx, &r.registration, client)
	err = h.until(ctx, w.c, signals)
	h.cancel()
	h.watch.stop()
	return errors.Join(err, release(h.narrator, signals, func() error {
		h.background.Wait()
		return client.Close()
	}))
}

// holder is a registration that is held.
type holder struct {
	*registration
	client   *registrar.Client
	narrator *narrator
	watch    *dnsWatch
	handover *handover
	found    chan localaddr.Found // the latest addresses

	background sync.WaitGroup
	cancel     context.CancelFunc // ends it
}

func newHolder(ctx context.Context, r *registration, client *registrar.Client) *holder {
	h := &holder{
		registration: r, client: client, narrator: newNarrator(r), watch: newDNSWatch(ctx, r),
		handover: newHandover(client), found: make(chan localaddr.Found),
	}
	ctx, h.cancel = context.WithCancel(ctx)
	h.background.Go(func() { h.handover.run(ctx) })
	if r.source == nil {
		h.handover.set(r.services)
		return h
	}
	h.background.Go(func() { r.source.Follow(ctx, sender(ctx, h.found)) })
	return h
}

// until returns when a signal comes, when ctx is done, or with an error when the
// registration is refused.
func (h *holder) until(ctx context.Context, changed <-chan struct{}, signals <-chan os.Signal) error {
	var soon <-chan time.Time
	for {
		var err error
		select {
		case <-changed:
			if soon == nil {
				soon = time.After(statusPause)
			}
		case <-soon:
			soon = nil
			err = h.look()
		case f := <-h.found:
			err = h.relocate(f)
		case err = <-h.handover.failed:
		case <-signals:
			return h.narrator.observe(h.client.Status())
		case <-ctx.Done():
			return h.narrator.observe(h.client.Status())
		}
		if err != nil {
			return err
		}
	}
}

// look looks what has become of the instances.
func (h *holder) look() error {
	statuses := h.client.Status()
	if err := h.narrator.observe(statuses); err != nil {
		return err
	}
	if err := h.narrator.show(statuses); err != nil {
		return err
	}
	h.watch.observe(statuses)
	return nil
}

// release calls shut, which closes the client and so unregisters what it holds.
// A signal ends the wait for it: then its goroutine ends with the process.
func release(n *narrator, signals <-chan os.Signal, shut func() error) error {
	closed := make(chan error, 1)
	go func() { closed <- shut() }()
	select {
	case err := <-closed:
		return n.closed(err)
	case s := <-signals:
		if number, ok := s.(syscall.Signal); ok {
			return signalled(number)
		}
		return fmt.Errorf("stopped by a second signal (%v) before everything was unregistered", s)
	}
}
