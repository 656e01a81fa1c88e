package catalog

import (
	"maps"
	"net/netip"
	"slices"
)

// Service is a set of instances that offer the same thing under one name.
//
// A Service is either desired, written by hand and given to a registry, or a
// result, read from one. A result has a Revision, is shared, and must not be
// changed; Clone makes a desired one of it.
type Service struct {
	// Namespace and Name are single DNS labels (see CheckLabel).
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Revision is the etcd revision of the last change to the service that
	// this value shows; 0 in a desired one.
	Revision int64 `json:"revision"`
	// Stale says that the registry has lost contact with its backend, so that
	// the service may have changed since.
	Stale bool `json:"stale"`
	// Instances is ordered by ID in results, as given in desired ones.
	Instances []Instance `json:"instances"`
}

// Instance is one process, or one external host, that offers a service.
type Instance struct {
	// ID names the instance within its service: a DNS label. Where it is
	// empty a writer puts StableID in its place.
	ID string `json:"id,omitempty"`
	// Addresses holds 1 to 32 IP addresses, or none where Host is set.
	Addresses []netip.Addr `json:"addresses,omitempty"`
	// Host is a hostname outside the registry, in place of Addresses.
	Host string `json:"host,omitempty"`
	// Ports holds up to 32 ports, unique by name and protocol.
	Ports []Port `json:"ports,omitempty"`
	// Weight is the instance's share among those of equal priority, as in RFC
	// 2782 but never 0: 0 means DefaultWeight.
	Weight uint16 `json:"weight,omitzero"`
	// Priority orders groups of instances: the lowest is preferred (RFC 2782).
	Priority uint16 `json:"priority"`
	// TTL is in seconds; 0 means the default of the DNS server.
	TTL uint32 `json:"ttl,omitzero"`
	// Locality is the place of the instance: a DNS label, or empty.
	Locality string `json:"locality,omitempty"`
	// Tags holds up to 32 DNS labels.
	Tags []string `json:"tags,omitempty"`
	// Metadata holds key=value pairs as in DNS-SD TXT records (RFC 6763, 6).
	Metadata map[string]string `json:"metadata,omitempty"`
	// Status says whether the instance takes new work; empty means StatusUp.
	Status Status `json:"status,omitempty"`
	// Static marks an instance that stays without a lease.
	Static bool `json:"static,omitzero"`
}

// Port is a transport endpoint of an instance.
type Port struct {
	// Name is a service name as in RFC 6335, section 5.1, or empty.
	Name string `json:"name,omitempty"`
	// Port is 1 to 65535.
	Port uint16 `json:"port"`
	// Protocol is ProtocolTCP or ProtocolUDP; empty means ProtocolTCP.
	Protocol string `json:"protocol,omitempty"`
}

// Transport protocols that a Port can have.
const (
	ProtocolTCP = "tcp"
	ProtocolUDP = "udp"
)

// DefaultWeight is the weight of an instance that states none. It leaves room
// on both sides, and is what users of other registries expect.
const DefaultWeight = 100

// Status says whether an instance takes new work.
type Status string

// The statuses of an instance, from best to worst.
const (
	// StatusUp is an instance that takes new work.
	StatusUp Status = "up"
	// StatusDraining is an instance that finishes its work and takes no more.
	StatusDraining Status = "draining"
	// StatusDown is an instance that does not work. A status that is unknown
	// to a reader counts as down.
	StatusDown Status = "down"
)

// rank orders statuses from best to worst; what is unknown is the worst.
func (s Status) rank() int {
	switch s {
	case StatusUp, "":
		return 0
	case StatusDraining:
		return 1
	default:
		return 2
	}
}

// Worse returns the worse of two statuses, in which an unknown status counts
// as StatusDown and an empty one as StatusUp. The result is always one of the
// three constants.
func (s Status) Worse(t Status) Status {
	return [...]Status{StatusUp, StatusDraining, StatusDown}[max(s.rank(), t.rank())]
}

// Up reports whether the instance takes new work.
func (in *Instance) Up() bool { return in.Status.rank() == 0 }

// Equal reports whether two instances, normalized, say the same.
func (in *Instance) Equal(other *Instance) bool {
	return in.ID == other.ID && in.Host == other.Host &&
		in.Weight == other.Weight && in.Priority == other.Priority && in.TTL == other.TTL &&
		in.Locality == other.Locality && in.Status == other.Status && in.Static == other.Static &&
		slices.Equal(in.Addresses, other.Addresses) && slices.Equal(in.Ports, other.Ports) &&
		slices.Equal(in.Tags, other.Tags) && maps.Equal(in.Metadata, other.Metadata)
}

// Clone returns a deep copy of the instance.
func (in Instance) Clone() Instance {
	in.Addresses = slices.Clone(in.Addresses)
	in.Ports = slices.Clone(in.Ports)
	in.Tags = slices.Clone(in.Tags)
	in.Metadata = maps.Clone(in.Metadata)
	return in
}

// Clone returns a deep copy of the service as a desired one: its Revision and
// Stale are cleared. The clone of nil is nil.
func (s *Service) Clone() *Service {
	if s == nil {
		return nil
	}
	c := &Service{Namespace: s.Namespace, Name: s.Name}
	if s.Instances != nil {
		c.Instances = make([]Instance, len(s.Instances))
		for i, in := range s.Instances {
			c.Instances[i] = in.Clone()
		}
	}
	return c
}
