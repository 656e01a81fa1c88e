package main

import (
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/registrar"
)

// narrator tells the user what happens to the instances that are held.
type narrator struct {
	r         *registration
	instances map[instanceName]*registrar.Instance
	last      map[instanceName]registrar.InstanceStatus
	announced map[instanceName]bool // was registered once
	expected  map[instanceName]bool // is written again because this command says something else of it
	first     int                   // registered for the first time, and not told of, of many
	again     int                   // likewise, of those that were registered before
	shown     bool                  // on standard output
	lost      bool                  // contact with etcd
}

func newNarrator(r *registration) *narrator {
	n := &narrator{
		r:         r,
		instances: map[instanceName]*registrar.Instance{},
		last:      map[instanceName]registrar.InstanceStatus{},
		announced: map[instanceName]bool{},
		expected:  map[instanceName]bool{},
	}
	n.know(r.services)
	return n
}

// know learns what is registered from now on.
func (n *narrator) know(services []*registrar.Service) {
	for _, s := range services {
		for i := range s.Instances {
			n.instances[instanceName{s.Namespace, s.Name, s.Instances[i].ID}] = &s.Instances[i]
		}
	}
}

// observe tells what has changed. It returns an error if etcd refuses an
// instance from the start: what was never allowed is a mistake, while what is
// refused later can be allowed again.
func (n *narrator) observe(statuses []registrar.InstanceStatus) error {
	n.contact(statuses)
	n.gone(statuses)
	for _, st := range statuses {
		name := instanceName{st.Namespace, st.Service, st.ID}
		last, known := n.last[name]
		if known && last.State == st.State && last.Since.Equal(st.Since) {
			continue
		}
		n.last[name] = st
		switch st.State {
		case registrar.StateRegistered:
			n.registered(name)
		case registrar.StateSuperseded:
			n.r.warnf("%s was superseded: another client registered it; it will be registered again once that client removes it", name)
		case registrar.StateFailed:
			if !n.announced[name] && errors.Is(st.Err, registrar.ErrPermission) {
				return fmt.Errorf("registering %s: %w", name, st.Err)
			}
			n.r.warnf("etcd rejects %s: %s; retrying", name, withHint(st.Err))
		}
	}
	n.sum()
	return nil
}

// show prints what is registered, once, when all of it is.
func (n *narrator) show(statuses []registrar.InstanceStatus) error {
	if n.shown || len(n.instances) == 0 || len(n.announced) < len(n.instances) {
		return nil
	}
	n.shown = true
	return n.r.show(statuses)
}

// sum tells of many instances in one line: the first time when all are registered.
func (n *narrator) sum() {
	lease := fmt.Sprintf("lease %v", n.r.lease)
	if n.first > 0 && len(n.announced) == len(n.instances) {
		n.r.notef("registered %s, %s", n.r.services.sum(n.first), lease)
		n.first = 0
	}
	if n.again > 0 {
		n.r.notef("registered %s again, %s", n.r.services.sum(n.again), lease)
		n.again = 0
	}
}

// gone tells of what was unregistered because its address is gone.
func (n *narrator) gone(statuses []registrar.InstanceStatus) {
	if n.r.source == nil {
		return // nothing is unregistered before the end
	}
	there, stays := map[instanceName]bool{}, map[instanceName]bool{}
	for _, st := range statuses {
		there[instanceName{st.Namespace, st.Service, st.ID}] = true
	}
	for name := range n.r.services.names() {
		stays[name] = true // it was asked for again
	}
	for name := range n.last {
		if there[name] {
			continue
		}
		if n.announced[name] {
			n.r.notef("unregistered %s", name)
		}
		delete(n.last, name)
		delete(n.announced, name)
		if !stays[name] {
			delete(n.instances, name)
		}
	}
}

// contact tells when contact with etcd is lost or regained.
func (n *narrator) contact(statuses []registrar.InstanceStatus) {
	var cause error
	for _, st := range statuses {
		if unheard(st) {
			cause = st.Err
		}
	}
	switch {
	case cause != nil && !n.lost && len(n.announced) == 0:
		n.r.warnf("warning: no contact with etcd: %s; retrying: instances will be registered once etcd answers", withHint(cause))
	case cause != nil && !n.lost:
		n.r.warnf("lost contact with etcd: %v; retrying: instances stay registered for up to %v", cause, n.r.lease)
	case cause == nil && n.lost:
		n.r.notef("regained contact with etcd")
	}
	n.lost = cause != nil
}

// unheard reports whether etcd has no answer for an instance, or refuses to keep
// alive one that it has.
func unheard(st registrar.InstanceStatus) bool {
	switch {
	case errors.Is(st.Err, rpctypes.ErrNoSpace):
		return false // which is an answer
	case errors.Is(st.Err, registrar.ErrUnavailable):
		return true
	default:
		return st.State == registrar.StateRegistered && st.Err != nil
	}
}

// expect says that an instance is about to be written with another status, which is told
// elsewhere.
func (n *narrator) expect(name instanceName) { n.expected[name] = n.announced[name] }

func (n *narrator) registered(name instanceName) {
	if n.expected[name] {
		delete(n.expected, name)
		return
	}
	in, again := n.instances[name], ""
	if in == nil {
		return // it is about to be unregistered
	}
	if n.announced[name] {
		again = " again"
	}
	n.announced[name] = true
	switch {
	case n.r.services.many() && again == "":
		n.first++
		return
	case n.r.services.many():
		n.again++
		return
	}
	if in.Static {
		n.r.notef("registered %s%s (%s), static", name, again, describe(in))
	} else {
		n.r.notef("registered %s%s (%s), lease %v", name, again, describe(in), n.r.lease)
	}
}

// registeredAny reports whether an instance was registered, and not unregistered since.
func (n *narrator) registeredAny() bool { return len(n.announced) > 0 }

// closed tells how the client's Close ended.
func (n *narrator) closed(err error) error {
	if err != nil && len(n.announced) > 0 {
		return fmt.Errorf("unregistering %s: %w", n.r.summary(), err)
	}
	// Otherwise an error says what is known: that nothing could be written.
	if n.r.services.many() {
		n.closedMany()
		return nil
	}
	for _, s := range n.r.services {
		for i := range s.Instances {
			name := instanceName{s.Namespace, s.Name, s.Instances[i].ID}
			switch {
			case !n.announced[name]: // nothing was said of it
			case s.Instances[i].Static:
				n.r.notef("left %s, which is static: it stays until it is unregistered", name)
			case n.last[name].State == registrar.StateSuperseded:
				n.r.notef("left %s to the client that superseded this one", name)
			case n.last[name].State == registrar.StateRegistered:
				n.r.notef("unregistered %s", name)
			}
		}
	}
	return nil
}

// closedMany is closed for many instances: those that were unregistered in one line.
func (n *narrator) closedMany() {
	unregistered, left := 0, 0
	for name, in := range n.instances {
		switch {
		case !n.announced[name]:
		case in.Static || n.last[name].State == registrar.StateSuperseded:
			left++
		case n.last[name].State == registrar.StateRegistered:
			unregistered++
		}
	}
	if unregistered > 0 {
		n.r.notef("unregistered %s", n.r.services.sum(unregistered))
	}
	if left > 0 {
		n.r.notef("left %s, which are static or another client's", n.r.services.sum(left))
	}
}
