package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/feed"
	"github.com/rosterdns/roster/registrar"
)

// following is a service that a command follows until it is told to end.
type following struct {
	*app
	name string
	// within is how long the first set may take; 0 for as long as it takes.
	within time.Duration
	// show is called with each set, and again when contact is lost or regained.
	show func(feed.State) error
	// contact tells the user of contact, where show doesn't.
	contact contactNotes
}

// run follows the service until a signal comes, ctx is done or show fails.
func (f *following) run(ctx context.Context) error {
	name, err := registrar.ParseName(f.name, f.namespace())
	if err != nil {
		return err
	}
	client, err := f.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close() // has nothing to lose
	signals, stop := f.signals()
	defer stop()
	if f.within > 0 {
		limited, cancel := context.WithTimeout(ctx, f.within)
		defer cancel()
		if err := contact(limited, client, name.Namespace, name.Service); err != nil {
			return fmt.Errorf("getting %q: %w", f.name, err)
		}
	}
	services := feed.New(ctx, client.Watch)
	defer services.Close()
	services.Follow(f.name)
	var tooLate <-chan time.Time
	if f.within > 0 {
		tooLate = time.After(f.within)
	}
	for {
		select {
		case <-services.Changed():
			st, _ := services.Latest(f.name)
			if st.Service != nil {
				tooLate = nil
			}
			if err := f.observe(st); err != nil {
				return endOfReader(err)
			}
		case <-tooLate:
			return fmt.Errorf("getting %q: etcd answered, but did not send all instances in time: %w", f.name, context.DeadlineExceeded)
		case <-signals:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// observe passes on what has come.
func (f *following) observe(st feed.State) error {
	if err := f.contact.observe(f.app, st); err != nil {
		return err
	}
	if st.Service == nil {
		return nil
	}
	return f.show(st)
}

// endOfReader returns the error of a command that writes until its reader has enough, as
// head has: that is no failure.
func endOfReader(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// contactNotes tells the user when contact with etcd is lost and regained.
type contactNotes struct{ known, lost bool }

// observe tells what is new in a state. Its error is one that nothing more comes after,
// or of a user who was never allowed to read.
func (n *contactNotes) observe(a *app, st feed.State) error {
	n.known = n.known || st.Service != nil
	switch {
	case st.Ended, !n.known && errors.Is(st.Err, registrar.ErrPermission):
		return st.Err
	case st.Err != nil && !n.lost && !n.known:
		a.notef("warning: no contact with etcd: %s; retrying", withHint(st.Err))
	case st.Err != nil && !n.lost:
		a.notef("lost contact with etcd: %v; retrying: what is shown may be out of date", st.Err)
	case st.Err == nil && n.lost:
		a.notef("regained contact with etcd")
	}
	n.lost = st.Err != nil
	return nil
}
