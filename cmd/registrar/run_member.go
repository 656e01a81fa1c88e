package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/health"
)

const (
	// addressBase and addressLimit bound the pause before an address is looked for again:
	// soon enough for a network that comes up with the machine.
	addressBase  = 100 * time.Millisecond
	addressLimit = 2 * time.Second
	// addressWait is how long the command waits to be told its address.
	addressWait = time.Second
)

// member is the registration of the instance whose command runs. Nothing that goes wrong
// with it ends the command.
type member struct {
	*registration
	check  *checkFlags
	client *registrar.Client
	wake   statusWake

	// Of the goroutine that keeps it, until that has ended:
	narrator *narrator
	shown    *dnsWatch
	known    bool // was registered, so that clients may know of it

	cancel context.CancelFunc // ends the goroutine
	done   chan struct{}      // closed when it has ended
}

// resolve finds out what to register, if it isn't known yet. An address that is missing
// can come.
func (m *member) resolve(ctx context.Context, arg string) error {
	pause := backoff.New(addressBase, addressLimit)
	for said := false; len(m.services) == 0; {
		services, err := m.fromFlags(ctx, arg)
		switch {
		case err == nil:
			m.services = services
		case ctx.Err() != nil || !errors.Is(err, registrar.ErrUnavailable) && !errors.Is(err, registrar.ErrNotFound):
			return err
		default:
			if !said {
				m.warnf("warning: %v; waiting for an address", err)
			}
			said = true
			if err := pause.Wait(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// resolveSoon is resolve for as long as the command can wait. An address that is still
// missing then is no error.
func (m *member) resolveSoon(ctx context.Context, arg string) error {
	soon, cancel := context.WithTimeout(ctx, addressWait)
	defer cancel()
	err := m.resolve(soon, arg)
	if soon.Err() != nil {
		return nil
	}
	return err
}

// start begins to register the instance.
func (m *member) start(ctx context.Context, arg string) {
	ctx, m.cancel = context.WithCancel(ctx)
	m.done = make(chan struct{})
	go func() {
		defer close(m.done)
		if err := m.resolve(ctx, arg); err != nil {
			if ctx.Err() == nil {
				m.warnf("not registered: %v", err)
			}
			return
		}
		m.keep(ctx)
	}()
}

// keep keeps the instance registered, at whatever addresses this machine has.
func (m *member) keep(ctx context.Context) {
	m.narrator, m.shown = newNarrator(m.registration), newDNSWatch(ctx, m.registration)
	var following sync.WaitGroup
	defer following.Wait()
	moved := make(chan localaddr.Found)
	if m.source != nil {
		following.Go(func() { m.followAddresses(ctx, moved) })
	}
	for ctx.Err() == nil {
		m.keepHere(ctx, moved)
	}
}

// keepHere registers the instance with the status that the check finds, and tells the user
// what becomes of it, until ctx is done or the addresses are others.
func (m *member) keepHere(ctx context.Context, moved <-chan localaddr.Found) {
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan health.Result)
	var checking sync.WaitGroup
	defer checking.Wait()
	defer cancel()
	if m.check.spec == nil {
		m.put(ctx, catalog.StatusUp)
	} else if checker, err := m.check.checker(m.name(), &m.services[0].Instances[0]); err != nil {
		m.notef("not registered: --check: %v", err) // not possible: it was checked
	} else {
		checking.Go(func() { m.follow(ctx, checker, results) })
	}
	for {
		m.tell()
		select {
		case <-m.wake.c:
		case r := <-results:
			m.found(ctx, r)
		case f := <-moved:
			if m.move(ctx, f, moved) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// follow passes on what a checker reports.
func (m *member) follow(ctx context.Context, checker *health.Checker, results chan<- health.Result) {
	checker.Run(ctx, func(r health.Result) {
		select {
		case results <- r:
		case <-ctx.Done():
		}
	})
}

// found takes a result of the check.
func (m *member) found(ctx context.Context, r health.Result) {
	switch {
	case !r.Up() && !m.known:
		m.notef("not registering %s yet: %v", m.summary(), r.Err)
		return
	case !r.Up():
		m.notef("%s is down: %v", m.summary(), r.Err)
	case m.known:
		m.notef("%s is up again", m.summary())
	}
	m.put(ctx, r.Status)
}

// name returns the service.
func (m *member) name() registrar.ServiceName {
	return registrar.ServiceName{Namespace: m.services[0].Namespace, Service: m.services[0].Name}
}

// put registers the instance with a status.
func (m *member) put(ctx context.Context, status catalog.Status) {
	s := m.services[0]
	s.Instances[0].Status = status
	m.known = true
	m.narrator.expect(instanceName{s.Namespace, s.Name, s.Instances[0].ID})
	if err := m.submit(ctx, m.client); err != nil {
		m.warnf("%v", err) // not possible: it was checked
	}
}

// tell tells what has changed.
func (m *member) tell() {
	statuses := m.client.Status()
	if err := m.narrator.observe(statuses); err != nil {
		m.warnf("%s; retrying", withHint(err))
	}
	m.shown.observe(statuses)
}

// drain sets the status to draining. It reports whether clients can know of the instance.
func (m *member) drain() bool {
	m.stop()
	if !m.known {
		return false
	}
	m.notef("draining %s", m.summary())
	m.put(context.Background(), catalog.StatusDraining)
	m.tell()
	return true
}

// stop ends what start has begun.
func (m *member) stop() {
	m.cancel()
	<-m.done
}

// leave unregisters the instance.
func (m *member) leave() {
	m.stop()
	if m.narrator == nil {
		_ = m.client.Close() // nothing was written
		return
	}
	m.tell()
	m.shown.stop()
	if err := m.narrator.closed(m.client.Close()); err != nil {
		m.warnf("%s", withHint(err))
	}
}

// followAddresses passes on which addresses this machine has, until ctx is done.
func (m *member) followAddresses(ctx context.Context, moved chan<- localaddr.Found) {
	m.source.Follow(ctx, func(f localaddr.Found) {
		select {
		case moved <- f:
		case <-ctx.Done():
		}
	})
}

// move takes the addresses that this machine has by now. It reports whether they are
// others than those of the instance, which then is to be registered again; what was
// registered under another ID is unregistered. While there are none, the instance is
// unregistered, and move waits.
func (m *member) move(ctx context.Context, f localaddr.Found, moved <-chan localaddr.Found) bool {
	before := &m.services[0].Instances[0]
	if slices.Equal(before.Addresses, f.Addresses) {
		return false
	}
	if len(f.Addresses) == 0 {
		m.warnf("this machine has no address to register any more: %s: unregistering %s until it has one", withHint(f.Err()), m.summary())
		m.withdraw(ctx)
	}
	for len(f.Addresses) == 0 {
		select {
		case f = <-moved:
		case <-m.wake.c:
			m.tell()
		case <-ctx.Done():
			return true
		}
	}
	services, err := m.instance.at(m.registration.name, f.Addresses)
	if err != nil {
		m.warnf("warning: %s: it stays registered at %s", withHint(err), addressList(before.Addresses))
		return false
	}
	if m.known {
		m.warnf("the address of this machine changed from %s to %s", addressList(before.Addresses), addressList(f.Addresses))
	}
	if services[0].Instances[0].ID != before.ID {
		m.withdraw(ctx)
	}
	m.services = services
	m.narrator.know(services)
	return true
}

// withdraw unregisters the instance.
func (m *member) withdraw(ctx context.Context) {
	if !m.known {
		return
	}
	m.known = false
	s := m.services[0].Clone()
	s.Instances = []registrar.Instance{{ID: s.Instances[0].ID}}
	if err := m.client.Unregister(ctx, s); err != nil {
		m.notef("unregistering %s: %v", m.summary(), err) // not possible: it was registered
	}
}
