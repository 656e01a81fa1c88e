package export

import (
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/catalog"
)

// Collect returns the services that keys below a registry's prefix hold, sorted. The
// notes say what is not in them, or only in part: what readers skip or ignore.
func Collect(prefix string, keys []*mvccpb.KeyValue) (services []*Service, notes []string) {
	c := collector{prefix: prefix, services: map[catalog.ServiceName]*Service{}}
	for _, kv := range keys {
		c.add(kv)
	}
	for _, s := range c.services {
		slices.SortFunc(s.Instances, func(a, b catalog.Instance) int { return strings.Compare(a.ID, b.ID) })
		services = append(services, s)
	}
	slices.SortFunc(services, func(a, b *Service) int { return a.FullName().Compare(b.FullName()) })
	slices.Sort(c.notes)
	return services, c.notes
}

type collector struct {
	prefix   string
	services map[catalog.ServiceName]*Service
	notes    []string
}

func (c *collector) add(kv *mvccpb.KeyValue) {
	k, err := catalog.ParseKey(strings.TrimPrefix(string(kv.Key), c.prefix+"/"))
	switch {
	case err != nil:
		c.note(kv, "left out", err)
		return
	case k.Kind == catalog.KindReserved:
		c.note(kv, "left out", fmt.Errorf("keys with such a component have no meaning to this version"))
		return
	case k.Kind == catalog.KindInstance:
		c.addInstance(k, kv)
	case k.Kind == catalog.KindStatus:
		c.addOverride(k, kv)
	case k.Kind == catalog.KindPolicy:
		c.addPolicy(k, kv)
	}
}

func (c *collector) note(kv *mvccpb.KeyValue, what string, why error) {
	c.notes = append(c.notes, fmt.Sprintf("%q: %s: %v", kv.Key, what, why))
}

// service returns the service of a key, whose contents include a change at a revision.
func (c *collector) service(k catalog.Key, kv *mvccpb.KeyValue) *Service {
	name := catalog.ServiceName{Namespace: k.Namespace, Name: k.Service}
	s := c.services[name]
	if s == nil {
		s = &Service{Service: catalog.Service{Namespace: k.Namespace, Name: k.Service}}
		c.services[name] = s
	}
	s.Revision = max(s.Revision, kv.ModRevision)
	return s
}

func (c *collector) addInstance(k catalog.Key, kv *mvccpb.KeyValue) {
	in, err := catalog.DecodeValue(k.ID, kv.Value)
	switch {
	case err != nil:
		c.note(kv, "left out, as readers skip it", err)
		return
	case kv.Lease == 0 && !in.Static:
		c.note(kv, "left out, as readers skip it", fmt.Errorf("the instance has no lease and is not static"))
		return
	case kv.Lease != 0 && in.Static:
		c.note(kv, "the instance is static, and has a lease besides", fmt.Errorf("here it goes with the lease, and imported it stays"))
	}
	var strict catalog.Instance
	if err := strict.UnmarshalJSON(kv.Value); err != nil {
		c.note(kv, "written as readers take it", err)
	}
	s := c.service(k, kv)
	s.Instances = append(s.Instances, in)
}

func (c *collector) addOverride(k catalog.Key, kv *mvccpb.KeyValue) {
	o, err := catalog.DecodeOverride(kv.Value)
	var strict catalog.Override
	if err == nil {
		err = strict.UnmarshalJSON(kv.Value)
	}
	if err != nil {
		c.note(kv, "written as readers take it, "+string(o.Status), err)
	}
	s := c.service(k, kv)
	if s.Overrides == nil {
		s.Overrides = map[string]catalog.Override{}
	}
	s.Overrides[k.ID] = o
}

func (c *collector) addPolicy(k catalog.Key, kv *mvccpb.KeyValue) {
	p, err := catalog.DecodePolicy(kv.Value)
	if err == nil {
		err = p.ValidateFor(catalog.ServiceName{Namespace: k.Namespace, Name: k.Service}, nil)
	}
	if err != nil {
		c.note(kv, "left out, as readers ignore it", err)
		return
	}
	var strict catalog.Policy
	if err := strict.UnmarshalJSON(kv.Value); err != nil {
		c.note(kv, "written as readers take it", err)
	}
	c.service(k, kv).Policy = &p
}
