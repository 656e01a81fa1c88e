package catalog

import (
	"math"
	"net/netip"

	"github.com/go-json-experiment/json/jsontext"
)

// read reads an instance. It checks the form alone, not the rules.
func (in *Instance) read(r *reader) {
	for r.object(); r.member(); {
		switch name := r.name(); string(name) {
		case "id":
			if !r.strict { // the key has the ID; in a value it is an unknown member
				r.unknown(name)
				continue
			}
			in.ID = r.string()
		case "addresses":
			in.Addresses = list(r, (*reader).address)
		case "host":
			in.Host = r.string()
		case "ports":
			in.Ports = list(r, (*reader).port)
		case "weight":
			in.Weight = r.uint16(uint16Range)
		case "priority":
			in.Priority = r.uint16(uint16Range)
		case "ttl":
			in.TTL = uint32(r.uint(math.MaxUint32, uint32Range))
		case "locality":
			in.Locality = r.shared()
		case "tags":
			in.Tags = list(r, (*reader).shared)
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
}

func (r *reader) address() netip.Addr {
	s := r.string()
	a, err := netip.ParseAddr(s)
	if err != nil {
		r.fail("%s is not an IP address", quote(s))
	}
	return a
}

func (r *reader) port() (p Port) {
	for r.object(); r.member(); {
		switch name := r.name(); string(name) {
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

func (r *reader) metadata() map[string]string {
	if !r.begin(jsontext.KindBeginObject) {
		return nil
	}
	var pairs map[string]string
	for r.member() {
		if pairs == nil {
			pairs = make(map[string]string)
		}
		key := share(r.name()) // before the value
		pairs[key] = r.string()
	}
	return pairs
}
