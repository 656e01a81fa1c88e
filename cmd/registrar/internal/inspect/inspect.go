// Package inspect shows a registry as etcd has it at one revision: what readers are
// served, and what they are not told, such as the reasons of overrides and the keys that
// are skipped.
package inspect

import (
	"log/slog"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// Registry is a registry, or a part of one, at a revision. It is immutable.
type Registry struct {
	// Revision is etcd's at the time of reading.
	Revision int64
	// LastChange is the revision of the key that was written last; 0 without keys. A
	// deletion doesn't count, since it leaves no key.
	LastChange int64
	// Generation is what readers are served, but for keep_last and protect.
	Generation *services.Generation
	// Overrides are in ascending order of namespace, service and ID.
	Overrides []Override
	// Skipped are the keys that readers skip, in ascending order.
	Skipped []services.Skipped

	values map[catalog.Key][]byte // of instances, also of those that are skipped
}

// New returns the registry of which these are the keys, in ascending order.
func New(keys []mirror.Event, revision int64) *Registry {
	store := services.New(slog.New(slog.DiscardHandler), nil)
	stage := store.Stage()
	stage.Apply(keys)
	stage.Commit(mirror.Commit{Cause: mirror.CauseList, Revision: revision})
	r := &Registry{
		Revision: revision, Generation: store.Load(), Skipped: services.SkippedOf(keys), values: map[catalog.Key][]byte{},
	}
	var overrides []catalog.Key
	values := map[catalog.Key][]byte{}
	for i := range keys {
		r.LastChange = max(r.LastChange, keys[i].ModRevision)
		k, err := catalog.ParseKey(keys[i].Key)
		switch {
		case err != nil: // skipped
		case k.Kind == catalog.KindInstance:
			r.values[k] = keys[i].Value
		case k.Kind == catalog.KindStatus:
			overrides = append(overrides, k)
			values[k] = keys[i].Value
		}
	}
	for _, k := range overrides {
		r.Overrides = append(r.Overrides, r.override(k, values[k]))
	}
	return r
}

// Exists reports whether etcd has a key of an instance, be it one that readers skip.
func (r *Registry) Exists(service catalog.ServiceName, id string) bool {
	_, ok := r.values[instanceKey(service, id)]
	return ok
}

func instanceKey(service catalog.ServiceName, id string) catalog.Key {
	return catalog.Key{Kind: catalog.KindInstance, Namespace: service.Namespace, Service: service.Name, ID: id}
}

// Override is an operator's override of the status of an instance.
type Override struct {
	Service catalog.ServiceName
	ID      string
	catalog.Override
	// Err says why the override can't be read, and so counts as down; nil if it can.
	Err error
	// Instance is the status that the instance has of its own; empty where readers are
	// served no such instance.
	Instance catalog.Status
}

func (r *Registry) override(k catalog.Key, value []byte) Override {
	o := Override{Service: catalog.ServiceName{Namespace: k.Namespace, Name: k.Service}, ID: k.ID}
	o.Override, o.Err = catalog.DecodeOverride(value)
	if s := r.Generation.Service(k.Namespace, k.Service); s != nil && s.Instance(k.ID) != nil {
		if own, err := catalog.DecodeValue(k.ID, r.values[instanceKey(o.Service, k.ID)]); err == nil {
			o.Instance = own.Status
		}
	}
	return o
}

// Override returns that of an instance, or nil.
func (r *Registry) Override(service catalog.ServiceName, id string) *Override {
	for i := range r.Overrides {
		if o := &r.Overrides[i]; o.Service == service && o.ID == id {
			return o
		}
	}
	return nil
}

// Name returns the instance as NAMESPACE/SERVICE/ID.
func (o *Override) Name() string { return o.Service.String() + "/" + o.ID }

// LeftOver reports whether the override is of an instance that is not there: it counts
// as soon as there is one.
func (o *Override) LeftOver() bool { return o.Instance == "" }

// Missing is what stands for the status of an instance that is not there.
const Missing = "missing"

// InstanceStatus returns Instance, or Missing.
func (o *Override) InstanceStatus() string {
	if o.LeftOver() {
		return Missing
	}
	return string(o.Instance)
}

// Explain returns the reason of the override, or why it can't be read.
func (o *Override) Explain() string {
	if o.Err != nil {
		return "(unreadable: " + o.Err.Error() + ")"
	}
	return o.Reason
}

// What makes instances end.
const (
	// Leased is an instance that ends with its lease.
	Leased = "leased"
	// Static is an instance that stays until it is unregistered.
	Static = "static"
)

// KindOf returns Leased or Static.
func KindOf(in *catalog.Instance) string {
	if in.Static {
		return Static
	}
	return Leased
}

// KindsOf returns the kinds of the instances of a service, which can be nil, as in
// "leased,static"; empty without instances.
func KindsOf(s *services.Service) string {
	if s == nil {
		return ""
	}
	found := map[string]bool{}
	for in := range s.All() {
		found[KindOf(in)] = true
	}
	var kinds []string
	for _, kind := range []string{Leased, Static} {
		if found[kind] {
			kinds = append(kinds, kind)
		}
	}
	return strings.Join(kinds, ",")
}
