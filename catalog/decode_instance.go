package catalog

import (
	"math"
	"net/netip"
	"unique"

	"github.com/go-json-experiment/json/jsontext"
)

// Ranges of numbers, as errors name them. That some are never 0 is a rule, and
// rules are checked later.
const (
	uint16Range = "a whole number from 0 to 65535"
	uint32Range = "a whole number from 0 to 4294967295"
	portRange   = "a whole number from 1 to 65535"
)

// read reads an instance. It checks the form alone, not the rules.
func (in *Instance) read(r *jsonReader) {
	for r.object(); r.member(); {
		switch name := r.name(); string(name) {
		case "id":
			if !r.strict { // the key has the ID; in a value it is an unknown member
				r.unknown(name)
				continue
			}
			in.ID = r.string()
		case "addresses":
			in.Addresses = list(r, readAddress)
		case "host":
			in.Host = r.string()
		case "ports":
			in.Ports = list(r, readPort)
		case "weight":
			in.Weight = r.uint16(uint16Range)
		case "priority":
			in.Priority = r.uint16(uint16Range)
		case "ttl":
			in.TTL = uint32(r.uint(math.MaxUint32, uint32Range))
		case "locality":
			in.Locality = readShared(r)
		case "tags":
			in.Tags = list(r, readShared)
		case "metadata":
			in.Metadata = readMetadata(r)
		case "status":
			in.Status = readStatus(r)
		case "static":
			in.Static = r.bool()
		default:
			r.unknown(name)
		}
	}
}

func readAddress(r *jsonReader) netip.Addr {
	s := r.string()
	a, err := netip.ParseAddr(s)
	if err != nil {
		r.fail("%s is not an IP address", quote(s))
	}
	return a
}

func readPort(r *jsonReader) (p Port) {
	for r.object(); r.member(); {
		switch name := r.name(); string(name) {
		case "name":
			p.Name = readShared(r)
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

func readStatus(r *jsonReader) Status {
	return Status(r.constant(string(StatusUp), string(StatusDraining), string(StatusDown)))
}

func readMetadata(r *jsonReader) map[string]string {
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

// readShared reads a string that many instances have in common.
func readShared(r *jsonReader) string { return share(r.chars()) }

// share returns s as a string that shares memory with equal ones, as far as it
// is short enough to be a name.
func share(s []byte) string {
	if len(s) == 0 || len(s) > MaxLabel {
		return string(s)
	}
	return unique.Make(string(s)).Value()
}
