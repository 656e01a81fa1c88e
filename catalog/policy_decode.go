package catalog

import "fmt"

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
	for name := range r.members {
		switch string(name) {
		case "ttl":
			p.TTL = uint32(r.uint(32, uint32Range))
		case "max_answers":
			p.MaxAnswers = int(r.uint16(uint16Range))
		case "min_up":
			p.MinUp = int(r.uint16(uint16Range))
		case "keep_last":
			p.KeepLast = r.keepLast()
		case "failover":
			for range r.elements {
				p.Failover = append(p.Failover, r.serviceName(r.string()))
			}
		case "alias":
			if s := r.string(); s != "" {
				p.Alias = r.serviceName(s)
			}
		default:
			r.unknown(name)
		}
	}
	return p
}

// keepLast reads a number that can be absent.
func (r *reader) keepLast() *uint32 {
	if r.null() {
		return nil
	}
	return new(uint32(r.uint(32, fmt.Sprintf("a whole number from 0 to %d", MaxKeepLast))))
}

// serviceName parses the name that was read last.
func (r *reader) serviceName(s string) ServiceName {
	n, err := ParseServiceName(s)
	if err != nil && r.err == nil {
		r.err = below(r.path(r.json.StackPointer()), err)
	}
	return n
}
