package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/feed"
	"github.com/rosterdns/roster/cmd/registrar/internal/live"
	"github.com/rosterdns/roster/registrar"
)

// following is a service that a command follows until it is told to end.
type following struct {
	*app
	name string
	// within is how long the first set may take; 0 for as long as it takes.
	within time.Duration
	// show is called with each state.
	show func(feed.Service) error
	// events are of a screen, and ticks of its clock; redraw is called with each event,
	// and with nil for a tick.
	events <-chan os.Signal
	ticks  <-chan time.Time
	redraw func(os.Signal) error
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
	return endOfReader(f.loop(ctx, services, signals))
}

func (f *following) loop(ctx context.Context, services *feed.Feed[*registrar.Service], signals <-chan os.Signal) (err error) {
	var tooLate <-chan time.Time
	if f.within > 0 {
		tooLate = time.After(f.within)
	}
	for err == nil {
		select {
		case <-services.Changed():
			st, _ := services.Latest(f.name)
			if st.Value != nil {
				tooLate = nil
			}
			err = f.show(st)
		case event := <-f.events:
			err = f.redraw(event)
		case <-f.ticks:
			err = f.redraw(nil)
		case <-tooLate:
			return fmt.Errorf("getting %q: etcd answered, but did not send all instances in time: %w", f.name, context.DeadlineExceeded)
		case <-signals:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	return err
}

// endOfReader returns the error of a command that writes until its reader has enough, as
// head has: that is no failure.
func endOfReader(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// final returns the error of a state that ends a command: nothing more comes after it, or
// the user was never allowed to read. What is refused later can be allowed again.
func final(st feed.Service) error {
	if st.Ended || st.Value == nil && errors.Is(st.Err, registrar.ErrPermission) {
		return st.Err
	}
	return nil
}

// contactNotes tells the user when contact with etcd is lost and regained.
type contactNotes struct {
	*app
	lost bool
}

func (n *contactNotes) observe(st feed.Service) {
	switch {
	case st.Err != nil && !n.lost && st.Value == nil:
		n.notef("warning: no contact with etcd: %s; retrying", withHint(st.Err))
	case st.Err != nil && !n.lost:
		n.notef("lost contact with etcd: %v; retrying: what is shown may be out of date", st.Err)
	case st.Err == nil && n.lost:
		n.notef("regained contact with etcd")
	}
	n.lost = st.Err != nil
}

// sets returns a function for following.show that passes on the sets of a service, each
// with other instances than the one before, and tells the user of contact.
func sets(a *app, show func(*registrar.Service) error) func(feed.Service) error {
	notes := contactNotes{app: a}
	var last *registrar.Service
	return func(st feed.Service) error {
		if err := final(st); err != nil {
			return err
		}
		notes.observe(st)
		s := st.Value
		if s == nil || last != nil && len(live.Changes(last.Instances, s.Instances)) == 0 {
			return nil
		}
		if last == nil && len(s.Instances) == 0 && a.globals.output.isTable() {
			a.notef("no instance of %s/%s to show yet", s.Namespace, s.Name)
		}
		last = s
		return show(s)
	}
}
