package catalog

import (
	"net/netip"
	"slices"
)

// usual is the room on the stack for the lists of an instance: as many elements
// as nearly all have, so that their final size is known before they are stored.
const usual = 8

// instance reads an instance. It checks the form alone, not the rules.
func (r *reader) instance() (in Instance) {
	for name := range r.members {
		switch string(name) {
		case "id":
			if !r.strict { // the key has the ID; in a value it is an unknown member
				r.unknown(name)
				continue
			}
			in.ID = r.string()
		case "addresses":
			in.Addresses = r.addresses()
		case "host":
			in.Host = r.string()
		case "ports":
			in.Ports = r.ports()
		case "weight":
			in.Weight = r.uint16(uint16Range)
		case "priority":
			in.Priority = r.uint16(uint16Range)
		case "ttl":
			in.TTL = uint32(r.uint(32, uint32Range))
		case "locality":
			in.Locality = r.shared()
		case "tags":
			in.Tags = r.tags()
		case "metadata":
			in.Metadata = r.metadata()
		case "status":
			in.Status = r.status()
		case "static":
			in.Static = r.bool()
		default:
			r.unknown(name)
		}
	}
	return in
}

func (r *reader) addresses() []netip.Addr {
	var room [usual]netip.Addr
	list := room[:0]
	for range r.elements {
		s := r.string()
		a, err := netip.ParseAddr(s)
		if err != nil {
			r.fail("%s is not an IP address", quote(s))
		}
		list = append(list, a)
	}
	return compact(list)
}

func (r *reader) ports() []Port {
	var room [usual]Port
	list := room[:0]
	for range r.elements {
		list = append(list, r.port())
	}
	return compact(list)
}

func (r *reader) port() (p Port) {
	for name := range r.members {
		switch string(name) {
		case "name":
			p.Name = r.shared()
		case "port":
			p.Port = r.uint16(portRange)
		case "protocol":
			p.Protocol = r.constant(ProtocolTCP, ProtocolUDP)
		default:
			r.unknown(name)
		}
	}
	return p
}

func (r *reader) status() Status {
	return Status(r.constant(string(StatusUp), string(StatusDraining), string(StatusDown)))
}

func (r *reader) tags() []string {
	var room [usual]string
	list := room[:0]
	for range r.elements {
		list = append(list, r.shared())
	}
	return compact(list)
}

func (r *reader) metadata() map[string]string {
	if r.null() {
		return nil
	}
	var pairs map[string]string
	for name := range r.members {
		if pairs == nil {
			pairs = make(map[string]string)
		}
		key := share(name) // first: the name is valid until the value is read
		pairs[key] = r.string()
	}
	return pairs
}

// compact returns a copy of a list that has no more room than it needs; of an
// empty one nil.
func compact[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}
