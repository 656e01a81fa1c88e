package importing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/export"
)

// Store reads and changes keys of etcd: see registrar/internal/request.Driver.
type Store interface {
	ReadKeys(ctx context.Context, ranges ...string) (keys []*mvccpb.KeyValue, revision int64, err error)
	ChangeKeys(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error)
}

// Options say what is imported.
type Options struct {
	// Prefix is that of the registry, as catalog.CleanPrefix returns it.
	Prefix string
	// Static makes all instances static. Others are left to their processes.
	Static bool
	// Prune removes static instances that the file doesn't have: of its services, or of
	// all services in the namespaces of these.
	Prune, PruneNamespaces bool
}

// Plan is what there is to do.
type Plan struct {
	Changes []*Change
	// Unchanged counts what is so already.
	Unchanged int
	// Leased are the instances in the file that are not static, and so not imported.
	Leased []string
	// Held are those that are to be static and are not imported since a process has
	// registered them under a lease.
	Held []string

	options Options
}

// Prepare compares services, as Read returns them, with the registry. Errors are those of
// the store, and ErrInvalid for policies whose aliases lead back to their own service.
func Prepare(ctx context.Context, store Store, services []*export.Service, options Options) (*Plan, error) {
	p := &planner{Plan: Plan{options: options}, store: store, wanted: map[string]bool{}, stored: map[string]*mvccpb.KeyValue{}, policies: map[catalog.ServiceName]*catalog.Policy{}}
	keys, _, err := store.ReadKeys(ctx, options.ranges(services)...)
	if err != nil {
		return nil, fmt.Errorf("reading what is there: %w", err)
	}
	for _, kv := range keys {
		p.stored[string(kv.Key)] = kv
	}
	for _, s := range services {
		p.policies[s.FullName()] = s.Policy
	}
	for _, s := range services {
		if err := p.service(ctx, s); err != nil {
			return nil, fmt.Errorf("service %s: %w", s.FullName(), err)
		}
	}
	if options.Prune || options.PruneNamespaces {
		p.prune(keys)
	}
	slices.SortStableFunc(p.Changes, func(a, b *Change) int { return order(a) - order(b) })
	return &p.Plan, nil
}

// order is that in which changes are made: no instance shows up before what takes it out
// of service, and none goes before those that come.
func order(c *Change) int {
	switch {
	case c.Action == Delete:
		return 4
	case c.Key.Kind == catalog.KindInstance:
		return 3
	case c.Key.Kind == catalog.KindPolicy && len(c.requires) > 0:
		return 2
	case c.Key.Kind == catalog.KindPolicy:
		return 1
	}
	return 0
}

// ranges returns what of the registry is compared.
func (o *Options) ranges(services []*export.Service) (ranges []string) {
	for _, s := range services {
		if o.PruneNamespaces {
			ranges = append(ranges, catalog.NamespacePrefix(o.Prefix, s.Namespace))
		} else {
			ranges = append(ranges, catalog.ServicePrefix(o.Prefix, s.Namespace, s.Name))
		}
	}
	slices.Sort(ranges)
	return slices.Compact(ranges)
}

// planner makes a plan.
type planner struct {
	Plan
	store    Store
	stored   map[string]*mvccpb.KeyValue
	wanted   map[string]bool // keys that the file has
	policies map[catalog.ServiceName]*catalog.Policy
}

func (p *planner) service(ctx context.Context, s *export.Service) error {
	at := catalog.Key{Namespace: s.Namespace, Service: s.Name}
	for _, id := range slices.Sorted(maps.Keys(s.Overrides)) {
		o, k := s.Overrides[id], at
		k.Kind, k.ID = catalog.KindStatus, id
		p.change(k, o.EncodeValue(), nil, func(value []byte) bool {
			stored, err := catalog.DecodeOverride(value)
			return err == nil && stored == o
		})
	}
	if s.Policy != nil {
		requires, err := p.checkAlias(ctx, s)
		if err != nil {
			return err
		}
		k := at
		k.Kind = catalog.KindPolicy
		p.change(k, s.Policy.EncodeValue(), requires, func(value []byte) bool {
			stored, err := catalog.DecodePolicy(value)
			return err == nil && stored.Equal(s.Policy)
		})
	}
	for i := range s.Instances {
		p.instance(at, s.Instances[i])
	}
	return nil
}

func (p *planner) instance(k catalog.Key, in catalog.Instance) {
	k.Kind, k.ID = catalog.KindInstance, in.ID
	key := keyOf(p.options.Prefix, k)
	p.wanted[key] = true
	kv := p.stored[key]
	switch {
	case !in.Static && !p.options.Static:
		p.Leased = append(p.Leased, k.String())
		return
	case kv != nil && kv.Lease != 0:
		p.Held = append(p.Held, k.String())
		return
	}
	in.Static = true
	p.change(k, in.EncodeValue(), nil, func(value []byte) bool {
		stored, err := catalog.DecodeValue(in.ID, value)
		return err == nil && stored.Equal(&in)
	})
}

// change adds what brings a key to a value, unless what is stored says the same.
func (p *planner) change(k catalog.Key, value []byte, requires []fence, same func(stored []byte) bool) {
	c := &Change{Action: Create, Key: k, New: value, requires: requires}
	if kv := p.stored[keyOf(p.options.Prefix, k)]; kv != nil {
		if same(kv.Value) {
			p.Unchanged++
			return
		}
		c.Action, c.Old, c.revision = Update, kv.Value, kv.ModRevision
	}
	p.Changes = append(p.Changes, c)
}

// prune adds the removal of static instances that the file doesn't have. What readers
// skip stays: it can be something else than it seems.
func (p *planner) prune(keys []*mvccpb.KeyValue) {
	for _, kv := range keys {
		k, err := catalog.ParseKey(strings.TrimPrefix(string(kv.Key), p.options.Prefix+"/"))
		if err != nil || k.Kind != catalog.KindInstance || kv.Lease != 0 || p.wanted[string(kv.Key)] {
			continue
		}
		if in, err := catalog.DecodeValue(k.ID, kv.Value); err == nil && in.Static {
			p.Changes = append(p.Changes, &Change{Action: Delete, Key: k, Old: kv.Value, revision: kv.ModRevision})
		}
	}
}

// keyOf returns the key in etcd.
func keyOf(prefix string, k catalog.Key) string {
	switch k.Kind {
	case catalog.KindStatus:
		return catalog.StatusKey(prefix, k.Namespace, k.Service, k.ID)
	case catalog.KindPolicy:
		return catalog.PolicyKey(prefix, k.Namespace, k.Service)
	default:
		return catalog.InstanceKey(prefix, k.Namespace, k.Service, k.ID)
	}
}
