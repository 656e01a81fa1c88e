package catalog

import (
	"fmt"
	"math"
)

// DecodePolicy reads the value of a policy key as readers do: it ignores unknown
// members. What it returns is valid by Validate. The error is ErrInvalid; a policy
// that can't be read counts as absent. The result keeps no reference to value.
func DecodePolicy(value []byte) (Policy, error) {
	var p Policy
	if err := parseValue(value, p.read); err != nil {
		return Policy{}, err
	}
	if err := p.Validate(); err != nil {
		return Policy{}, err
	}
	return p, nil
}

// UnmarshalJSON implements json.Unmarshaler for what a person or a program hands
// in: other than in a value read from etcd, an unknown member is ErrInvalid. It
// checks the form; ValidateFor checks the rules.
func (p *Policy) UnmarshalJSON(data []byte) error {
	var out Policy
	if err := parse(data, "policy", true, out.read); err != nil {
		return err
	}
	*p = out
	return nil
}

// read reads a policy. It checks the form alone, not the rules.
func (p *Policy) read(r *jsonReader) {
	for r.object(); r.member(); {
		switch name := r.name(); string(name) {
		case "ttl":
			p.TTL = uint32(r.uint(math.MaxUint32, uint32Range))
		case "max_answers":
			p.MaxAnswers = int(r.uint16(uint16Range))
		case "min_up":
			p.MinUp = int(r.uint16(uint16Range))
		case "keep_last":
			p.KeepLast = readKeepLast(r)
		case "failover":
			p.Failover = list(r, readServiceName)
		case "alias":
			p.Alias = readAlias(r)
		default:
			r.unknown(name)
		}
	}
}

// readKeepLast reads a number whose absence means something else than 0.
func readKeepLast(r *jsonReader) *uint32 {
	if r.null() {
		return nil
	}
	return new(uint32(r.uint(math.MaxUint32, fmt.Sprintf("a whole number from 0 to %d", MaxKeepLast))))
}

// readAlias reads the name of a service, or an empty string for none.
func readAlias(r *jsonReader) ServiceName {
	s := r.string()
	if s == "" {
		return ServiceName{}
	}
	return parseName(r, s)
}

func readServiceName(r *jsonReader) ServiceName { return parseName(r, r.string()) }

// parseName parses the name of a service that was read last.
func parseName(r *jsonReader, s string) ServiceName {
	n, err := ParseServiceName(s)
	r.refuse(err)
	return n
}
