package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/rosterdns/roster/cmd/registrar/internal/dnsserver"
	"github.com/rosterdns/roster/registrar"
)

// dnsTarget returns what DNS servers are to show: the instance that was written
// last. It reports whether all are registered.
func (r *registration) dnsTarget(statuses []registrar.InstanceStatus) (t dnsTarget, all bool) {
	t.zone = strings.TrimSuffix(r.globals.zone, ".")
	missing := 0
	for _, s := range r.services {
		missing += len(s.Instances)
	}
	for _, st := range statuses {
		if st.State != registrar.StateRegistered {
			continue
		}
		missing--
		if st.Revision > t.revision {
			t.instance, t.revision = instanceName{st.Namespace, st.Service, st.ID}, st.Revision
		}
	}
	return t, missing == 0 && len(r.services) > 0
}

// awaitDNS returns when all servers show what was registered.
func (r *registration) awaitDNS(ctx context.Context, client *registrar.Client) error {
	if len(r.dns.servers) == 0 {
		return nil
	}
	target, all := r.dnsTarget(client.Status())
	if !all {
		return fmt.Errorf("waiting for DNS to show %s: another client has taken it over", r.summary())
	}
	return r.dns.each(func(s dnsserver.Server) error {
		err := target.await(ctx, s)
		if err == nil {
			r.notef("%s shows %s", s, r.summary())
		}
		return err
	})
}

// dnsWatch tells once when DNS servers show what is held.
type dnsWatch struct {
	r      *registration
	ctx    context.Context // ends with stop
	cancel context.CancelFunc
	done   chan struct{} // nil before it has begun
}

func newDNSWatch(ctx context.Context, r *registration) *dnsWatch {
	w := &dnsWatch{r: r}
	w.ctx, w.cancel = context.WithCancel(ctx)
	return w
}

// observe begins when everything is registered for the first time.
func (w *dnsWatch) observe(statuses []registrar.InstanceStatus) {
	if len(w.r.dns.servers) == 0 || w.done != nil {
		return
	}
	target, all := w.r.dnsTarget(statuses)
	if !all {
		return
	}
	w.done = make(chan struct{})
	summary := w.r.summary() // of now: the addresses, and with them the ID, can change
	go func() {
		defer close(w.done)
		_ = w.r.dns.each(func(s dnsserver.Server) error {
			w.follow(s, target, summary)
			return nil
		})
	}()
}

// follow tells when a server shows the target; after --timeout it warns once that
// it doesn't, and goes on.
func (w *dnsWatch) follow(s dnsserver.Server, target dnsTarget, summary string) {
	first, cancel := context.WithTimeout(w.ctx, w.r.globals.timeout)
	defer cancel()
	err := target.await(first, s)
	if err != nil && w.ctx.Err() == nil {
		w.r.warnf("warning: %v; still waiting", err)
		err = target.await(w.ctx, s)
	}
	if err == nil {
		w.r.notef("%s shows %s", s, summary)
	}
}

// stop ends the wait for servers.
func (w *dnsWatch) stop() {
	w.cancel()
	if w.done != nil {
		<-w.done
	}
}
