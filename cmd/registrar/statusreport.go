package main

import (
	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/cluster"
	"github.com/rosterdns/roster/internal/services"
)

// statusReport is what the command status writes for programs.
type statusReport struct {
	Etcd []memberReport `json:"etcd"`
	User userReport     `json:"user"`
	// Registry is nil where it can't be read.
	Registry *registryReport `json:"registry,omitempty"`
	DNS      []serverReport  `json:"dns,omitempty"`
}

type memberReport struct {
	Endpoint string   `json:"endpoint"`
	Name     string   `json:"name,omitempty"`
	Version  string   `json:"version,omitempty"`
	Role     string   `json:"role,omitempty"`
	Revision int64    `json:"revision,omitzero"`
	Size     int64    `json:"size,omitzero"`  // in bytes
	Quota    int64    `json:"quota,omitzero"` // of Size
	Faults   []string `json:"faults,omitempty"`
	Error    string   `json:"error,omitempty"`
}

type userReport struct {
	Name           string `json:"name,omitempty"`
	Authentication bool   `json:"authentication"` // of etcd
	Below          string `json:"below"`
	Read           bool   `json:"read"`
	Write          bool   `json:"write"`
	Error          string `json:"error,omitempty"` // why not
}

type registryReport struct {
	Revision  int64            `json:"revision"`
	Services  int              `json:"services"`
	Instances int              `json:"instances"`
	Up        int              `json:"up"`
	Draining  int              `json:"draining"`
	Down      int              `json:"down"`
	Overrides []overrideReport `json:"overrides,omitempty"`
	Skipped   []skippedReport  `json:"skipped,omitempty"`
}

type overrideReport struct {
	Instance string `json:"instance"`
	Status   string `json:"status"`
	Reason   string `json:"reason,omitempty"`
	Error    string `json:"error,omitempty"`
	// InstanceStatus is the instance's own, or "missing".
	InstanceStatus string `json:"instance_status"`
}

type skippedReport struct {
	Key      string `json:"key"`
	Revision int64  `json:"revision"`
	Reason   string `json:"reason"`
	Error    string `json:"error"`
}

type serverReport struct {
	Server   string `json:"server"`
	State    string `json:"state,omitempty"`
	Revision int64  `json:"revision,omitzero"`
	// Behind is by how many revisions of etcd the server is behind the registry.
	Behind    int64  `json:"behind,omitzero"`
	Age       int64  `json:"age,omitzero"` // in seconds
	Serial    uint32 `json:"serial,omitzero"`
	Instances int    `json:"instances,omitzero"`
	Error     string `json:"error,omitempty"`
}

// report returns what was found.
func (s *overview) report() *statusReport {
	r := &statusReport{Etcd: make([]memberReport, len(s.members)), User: s.user()}
	for i := range s.members {
		r.Etcd[i] = memberOf(&s.members[i])
	}
	last := int64(0)
	if s.registry != nil {
		r.Registry, last = s.registryReport(), s.registry.LastChange
	}
	for i := range s.dns {
		r.DNS = append(r.DNS, serverOf(&s.dns[i], last))
	}
	return r
}

func (s *overview) user() userReport {
	u := userReport{
		Name: s.globals.user, Authentication: s.rights.Authentication, Below: s.below,
		Read: s.rights.Read == nil, Write: s.rights.Write == nil,
	}
	switch {
	case s.rights.Read != nil:
		u.Error = s.rights.Read.Error()
	case s.rights.Write != nil:
		u.Error = s.rights.Write.Error()
	}
	return u
}

func memberOf(m *cluster.Member) memberReport {
	r := memberReport{
		Endpoint: m.Endpoint, Name: m.Name, Version: m.Version, Role: m.Role(), Revision: m.Revision,
		Size: m.Size, Quota: m.Quota, Faults: m.Faults,
	}
	switch {
	case m.Err != nil:
		r.Error = m.Err.Error()
	case m.Unlisted:
		r.Error = "not among --endpoints"
	}
	return r
}

func (s *overview) registryReport() *registryReport {
	g := s.registry.Generation
	r := &registryReport{Revision: s.registry.Revision, Services: g.Services(), Instances: g.Instances()}
	for service := range g.All() {
		for in := range service.All() {
			switch in.Status {
			case catalog.StatusUp:
				r.Up++
			case catalog.StatusDraining:
				r.Draining++
			case catalog.StatusDown:
				r.Down++
			}
		}
	}
	for i := range s.registry.Overrides {
		o := &s.registry.Overrides[i]
		one := overrideReport{Instance: o.Name(), Status: string(o.Status), Reason: o.Reason, InstanceStatus: o.InstanceStatus()}
		if o.Err != nil {
			one.Error = o.Err.Error()
		}
		r.Overrides = append(r.Overrides, one)
	}
	for _, k := range s.registry.Skipped {
		r.Skipped = append(r.Skipped, skippedOf(k))
	}
	return r
}

func skippedOf(k services.Skipped) skippedReport {
	return skippedReport{Key: k.Key, Revision: k.Revision, Reason: string(k.Reason), Error: k.Err.Error()}
}

// serverOf returns what a server says, beside the revision of the last change to the
// registry.
func serverOf(s *statusOf, last int64) serverReport {
	if s.err != nil {
		return serverReport{Server: string(s.server), Error: s.err.Error()}
	}
	return serverReport{
		Server: string(s.server), State: s.State, Revision: s.Revision, Behind: max(0, last-s.Revision),
		Age: int64(s.Age.Seconds()), Serial: s.Serial, Instances: s.Instances,
	}
}
