package main

import (
	"fmt"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// fewInstances is as many as are told of one by one: more of them scroll what else is
// said off the screen.
const fewInstances = 10

// size counts the instances.
func (r *registration) size() (n int) {
	for _, s := range r.services {
		n += len(s.Instances)
	}
	return n
}

// many reports whether instances are told of in sum.
func (r *registration) many() bool { return r.size() > fewInstances }

// sum says in sum what is registered, as in "500 instances of default/orders".
func (r *registration) sum(n int) string {
	where := fmt.Sprintf("%s/%s", r.services[0].Namespace, r.services[0].Name)
	if len(r.services) > 1 {
		where = fmt.Sprintf("%d services", len(r.services))
	}
	return fmt.Sprintf("%s of %s", count(n, "instance"), where)
}

// tell tells, once, of instances that were written and are not kept registered.
func (r *registration) tell() {
	expiry := fmt.Sprintf("lease %v: expires at about %s unless it is registered again", r.lease, time.Now().Add(r.lease).Format(time.RFC3339))
	if r.static {
		expiry = "static: it stays until it is unregistered"
	}
	if r.many() {
		r.notef("registered %s, %s", r.sum(r.size()), expiry)
		return
	}
	for _, s := range r.services {
		for i := range s.Instances {
			in := &s.Instances[i]
			r.notef("registered %s (%s), %s", instanceName{s.Namespace, s.Name, in.ID}, describe(in), expiry)
		}
	}
}

// show prints what was registered in the formats for programs, with the revision at which
// it was written: one service as an object, several as an array.
func (r *registration) show(statuses []registrar.InstanceStatus) error {
	f := r.globals.output
	if f.isTable() {
		return nil
	}
	written := map[instanceName]int64{}
	for _, st := range statuses {
		written[instanceName{st.Namespace, st.Service, st.ID}] = st.Revision
	}
	shown := make([]*registrar.Service, len(r.services))
	for i, s := range r.services {
		shown[i] = s.Clone()
		for _, in := range s.Instances {
			name := instanceName{s.Namespace, s.Name, in.ID}
			shown[i].Revision = max(shown[i].Revision, written[name])
			if f == formatName {
				if _, err := fmt.Fprintln(r.stdout, name); err != nil {
					return err
				}
			}
		}
	}
	switch {
	case f == formatName:
		return nil
	case len(shown) == 1:
		return writeData(r.stdout, f, shown[0])
	}
	return writeServices(r.stdout, f, shown)
}
