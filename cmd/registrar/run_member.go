package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/health"
)

// member is the registration of the instance whose command runs. Nothing that goes wrong
// with it ends the command.
type member struct {
	*registration
	check      *checkFlags
	drainDelay time.Duration
	client     *registrar.Client
	wake       statusWake

	// Of the goroutine that keeps it, until that has ended:
	narrator *narrator
	shown    *dnsWatch
	known    bool // was registered, so that clients may know of it

	cancel context.CancelFunc // ends the goroutine
	done   chan struct{}      // closed when it has ended
}

// start begins to register the instance.
func (m *member) start(ctx context.Context, arg string) {
	ctx, m.cancel = context.WithCancel(ctx)
	m.done = make(chan struct{})
	go func() {
		defer close(m.done)
		if err := awaitAddress(ctx, m.registration, arg); err != nil {
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
		following.Go(func() { m.source.Follow(ctx, sender(ctx, moved)) })
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
	} else if checker, err := m.check.checker(m.name, &m.services[0].Instances[0]); err != nil {
		m.notef("not registered: --check: %v", err) // not possible: it was checked
	} else {
		checking.Go(func() { checker.Run(ctx, sender(ctx, results)) })
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

// put registers the instance with a status.
func (m *member) put(ctx context.Context, status catalog.Status) {
	s := m.services[0]
	s.Instances[0].Status = status
	m.known = true
	m.narrator.expect(instanceName{s.Namespace, s.Name, s.Instances[0].ID})
	if err := m.services.submit(ctx, m.client); err != nil {
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

// drain sets the status to draining. It reports whether clients can know of the instance:
// of one that etcd has never confirmed they don't, so that nobody has to be waited for.
func (m *member) drain() bool {
	m.stop()
	if !m.known {
		return false
	}
	m.put(context.Background(), catalog.StatusDraining)
	if m.tell(); !m.narrator.registeredAny() {
		return false
	}
	delay := ""
	if m.drainDelay > 0 {
		delay = fmt.Sprintf(" for %v", m.drainDelay)
	}
	m.notef("draining %s%s", m.summary(), delay)
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
	services, err := m.instance.at(m.name, f.Addresses)
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
