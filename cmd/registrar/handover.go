package main

import (
	"context"
	"fmt"

	"github.com/rosterdns/roster/registrar"
)

// handover hands what is to be registered to a client, each set in place of the one
// before. It does so beside the loop of hold, since it takes a while where etcd doesn't
// answer.
type handover struct {
	client *registrar.Client
	sets   chan serviceSet // holds the latest
	failed chan error      // what the client refuses; nothing follows
}

func newHandover(client *registrar.Client) *handover {
	return &handover{client: client, sets: make(chan serviceSet, 1), failed: make(chan error, 1)}
}

// set has a set registered in place of the one before. One goroutine calls it.
func (h *handover) set(services serviceSet) {
	select {
	case <-h.sets: // nobody has seen it
	default:
	}
	h.sets <- services
}

// run hands sets over until ctx is done.
func (h *handover) run(ctx context.Context) {
	var before serviceSet
	for {
		select {
		case <-ctx.Done():
			return
		case set := <-h.sets:
			if err := h.replace(ctx, before, set); err != nil {
				h.failed <- err
				return
			}
			before = set
		}
	}
}

// replace registers a set, then unregisters what only the one before had.
func (h *handover) replace(ctx context.Context, before, set serviceSet) error {
	if err := set.submit(ctx, h.client); err != nil {
		return err
	}
	stays := map[instanceName]bool{}
	for name := range set.names() {
		stays[name] = true
	}
	for name := range before.names() {
		if stays[name] || ctx.Err() != nil {
			continue
		}
		s := &registrar.Service{Namespace: name.namespace, Name: name.service, Instances: []registrar.Instance{{ID: name.id}}}
		if err := h.client.Unregister(ctx, s); err != nil {
			return fmt.Errorf("unregistering %s: %w", name, err)
		}
	}
	return nil
}
