package catalog

import (
	"fmt"
	"math"

	"github.com/go-json-experiment/json/jsontext"
)

// DecodePolicy reads the value of a policy key as readers do: it ignores unknown
// members. What it returns is valid by Validate. The error is ErrInvalid; a policy
// that can't be read counts as absent. The result keeps no reference to value.
func DecodePolicy(value []byte) (Policy, error) {
	var p Policy
	if err := parseValue(value, func(r *reader) { p = r.policy() }); err != nil {
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
	if err := parse(data, "policy", true, func(r *reader) { out = r.policy() }); err != nil {
		return err
	}
	*p = out
	return nil
}

// policy reads a policy. It checks the form alone, not the rules.
func (r *reader) policy() (p Policy) {
	for r.object(); r.member(); {
		switch name := r.name(); string(name) {
		case "ttl":
			p.TTL = uint32(r.uint(math.MaxUint32, uint32Range))
		case "max_answers":
			p.MaxAnswers = int(r.uint16(uint16Range))
		case "min_up":
			p.MinUp = int(r.uint16(uint16Range))
		case "keep_last":
			p.KeepLast = r.keepLast()
		case "failover":
			p.Failover = list(r, (*reader).serviceName)
		case "alias":
			p.Alias = r.alias()
		default:
			r.unknown(name)
		}
	}
	return p
}

// keepLast reads a number whose absence means something else than 0.
func (r *reader) keepLast() *uint32 {
	if r.err == nil && r.json.PeekKind() == jsontext.KindNull {
		r.skip()
		return nil
	}
	return new(uint32(r.uint(math.MaxUint32, fmt.Sprintf("a whole number from 0 to %d", MaxKeepLast))))
}

// alias reads the name of a service, or an empty string for none.
func (r *reader) alias() ServiceName {
	s := r.string()
	if s == "" {
		return ServiceName{}
	}
	return r.named(s)
}

func (r *reader) serviceName() ServiceName { return r.named(r.string()) }

// named parses the name of a service that was read last.
func (r *reader) named(s string) ServiceName {
	n, err := ParseServiceName(s)
	if err != nil && r.err == nil {
		r.err = below(r.path(r.json.StackPointer()), err)
	}
	return n
}
