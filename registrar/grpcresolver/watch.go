package grpcresolver

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"google.golang.org/grpc/resolver"

	"github.com/rosterdns/roster/registrar"
)

// watch is a resolver: it tells a connection of a service as the registry does.
type watch struct {
	target    target
	memory    *memory
	addresses bool // as of WithAddresses
	cc        resolver.ClientConn
	cancel    context.CancelFunc
	done      sync.WaitGroup

	// Of the goroutine alone.
	service   *registrar.Service  // the last that was told; nil if none was
	endpoints []resolver.Endpoint // of it
}

// ResolveNow implements resolver.Resolver. It has nothing to do, since changes are told
// when they happen.
func (w *watch) ResolveNow(resolver.ResolveNowOptions) {}

// Close implements resolver.Resolver. It waits for the goroutine.
func (w *watch) Close() {
	w.cancel()
	w.done.Wait()
}

func (w *watch) run(sets iter.Seq2[*registrar.Service, error]) {
	for service, err := range sets {
		w.update(service, err)
	}
	if w.service != nil {
		w.memory.put(w.target.name, w.service)
	}
}

// update tells what has changed. An error says that the service may be out of date; it can
// be nil then.
func (w *watch) update(service *registrar.Service, err error) {
	known := err == nil || len(w.target.endpoints(service)) > 0
	if !known && w.service == nil {
		service = w.memory.get(w.target.name)
		known = len(w.target.endpoints(service)) > 0
	}
	switch {
	case known:
		w.tell(service)
	case w.service == nil:
		w.cc.ReportError(err)
	default:
		// What was told stays: that the registry is away says nothing of the instances.
	}
}

func (w *watch) tell(service *registrar.Service) {
	endpoints := w.target.endpoints(service)
	same := w.service != nil && slices.EqualFunc(endpoints, w.endpoints, equalEndpoints)
	w.service, w.endpoints = service, endpoints
	if same {
		return
	}
	state := resolver.State{Endpoints: endpoints}
	if w.addresses {
		state.Addresses = firstAddresses(endpoints)
	}
	// An error of the balancer is no reason to tell it the same again.
	_ = w.cc.UpdateState(state)
	if len(endpoints) == 0 {
		w.cc.ReportError(w.target.whyNone(service)) // in place of "produced zero addresses"
	}
}

// whyNone returns why a service that is known has no endpoint.
func (t target) whyNone(service *registrar.Service) error {
	if n := len(service.Instances); n > 0 {
		return fmt.Errorf("grpcresolver: service %q: none of its %d instances has the TCP port: %w", t.name, n, registrar.ErrNotFound)
	}
	return fmt.Errorf("grpcresolver: service %q: no instance is up: %w", t.name, registrar.ErrNotFound)
}
