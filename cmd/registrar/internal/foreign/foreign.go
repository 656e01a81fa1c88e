// Package foreign has what importing from other registries has in common: it collects
// what becomes static instances, and notes of all that Roster has no place for.
package foreign

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/export"
)

// Result is what another registry's file holds.
type Result struct {
	// Services are sorted, valid, and ready to be imported.
	Services []*export.Service
	// Notes say what is not in them, or otherwise than it was.
	Notes []string
	// LeftOut counts the instances that are not in them.
	LeftOut int
}

// Instance is an instance as another registry has it.
type Instance struct {
	catalog.Instance
	Namespace, Service string
	// Override takes it out of service, if it is set.
	Override *catalog.Override
	// From names it in messages, with its place in the file.
	From string
}

// Collector collects instances. The zero value is ready to use.
type Collector struct {
	instances []*Instance
	notes     []string
	leftOut   int
}

// Note notes something about the record at a place.
func (c *Collector) Note(from, format string, args ...any) {
	c.notes = append(c.notes, from+": "+fmt.Sprintf(format, args...))
}

// LeaveOut notes why there is no instance for a record.
func (c *Collector) LeaveOut(from, format string, args ...any) {
	c.leftOut++
	c.Note(from, "left out: "+format, args...)
}

// Add adds an instance, unless it is invalid. It becomes static.
func (c *Collector) Add(in Instance) {
	in.Static = true
	in.Normalize()
	if in.ID == "" {
		in.ID = in.StableID()
	}
	for _, err := range []error{catalog.CheckNamespace(in.Namespace), catalog.CheckLabel("the service", in.Service), in.Validate()} {
		if err != nil {
			c.LeaveOut(in.From, "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
			return
		}
	}
	if o := in.Override; o != nil && len(o.EncodeValue()) > catalog.MaxValueSize {
		c.Note(in.From, "the reason of %d bytes left out", len(o.Reason))
		o.Reason = ""
	}
	c.instances = append(c.instances, &in)
}

type name struct{ namespace, service, id string }

func (in *Instance) name() name { return name{in.Namespace, in.Service, in.ID} }

// Result returns what was collected. Of instances of a service with the same ID each gets
// the one that it has by its address, so that none depends on which came first.
func (c *Collector) Result() Result {
	times := map[name]int{}
	for _, in := range c.instances {
		times[in.name()]++
	}
	services, taken := map[catalog.ServiceName]*export.Service{}, map[name]*Instance{}
	for _, in := range c.instances {
		if times[in.name()] > 1 && in.ID != in.StableID() {
			c.Note(in.From, "the ID %q is not unique in service %s/%s: imported as %s", in.ID, in.Namespace, in.Service, in.StableID())
			in.ID = in.StableID()
		}
		if other := taken[in.name()]; other != nil {
			c.LeaveOut(in.From, "there is another instance %s/%s/%s: %s", in.Namespace, in.Service, in.ID, other.From)
			continue
		}
		taken[in.name()] = in
		add(services, in)
	}
	r := Result{Notes: c.notes, LeftOut: c.leftOut, Services: slices.Collect(maps.Values(services))}
	slices.SortFunc(r.Services, func(a, b *export.Service) int { return a.FullName().Compare(b.FullName()) })
	for _, s := range r.Services {
		slices.SortFunc(s.Instances, func(a, b catalog.Instance) int { return strings.Compare(a.ID, b.ID) })
	}
	return r
}

func add(services map[catalog.ServiceName]*export.Service, in *Instance) {
	at := catalog.ServiceName{Namespace: in.Namespace, Name: in.Service}
	s := services[at]
	if s == nil {
		s = &export.Service{Service: catalog.Service{Namespace: at.Namespace, Name: at.Name}}
		services[at] = s
	}
	s.Instances = append(s.Instances, in.Instance)
	if in.Override != nil {
		if s.Overrides == nil {
			s.Overrides = map[string]catalog.Override{}
		}
		s.Overrides[in.ID] = *in.Override
	}
}

// Tag adds a tag to an instance, in lower case, or notes why not.
func (c *Collector) Tag(in *Instance, tag string) {
	lower := strings.ToLower(tag)
	switch {
	case catalog.CheckLabel("tag", lower) != nil:
		c.Note(in.From, "tag %q left out: tags are DNS labels", tag)
	case slices.Contains(in.Tags, lower):
	case len(in.Tags) == maxTags:
		c.Note(in.From, "tag %q left out: an instance has at most %d", tag, maxTags)
	default:
		in.Tags = append(in.Tags, lower)
	}
}

// maxTags is how many tags an instance can have.
const maxTags = 32

// Meta adds metadata to an instance in order of the keys, or notes why not.
func (c *Collector) Meta(in *Instance, metadata map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		probe := catalog.Instance{ID: "a", Host: "a", Metadata: maps.Clone(in.Metadata)}
		if probe.Metadata == nil {
			probe.Metadata = map[string]string{}
		}
		probe.Metadata[key] = metadata[key]
		probe.Normalize()
		if err := probe.Validate(); err != nil {
			c.Note(in.From, "metadata %q left out: %s", key, strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		in.Metadata = probe.Metadata
	}
}
