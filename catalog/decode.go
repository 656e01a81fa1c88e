package catalog

import (
	"fmt"
	"slices"
)

// DecodeValue reads an instance from the value of its key, as readers do: it
// ignores unknown members, drops ports of unknown protocols and takes an
// unknown status for down. What it returns is normalized and valid. The error
// is ErrInvalid, names the member at fault, and quotes no more than a bounded
// part of the value. The result keeps no reference to value.
func DecodeValue(id string, value []byte) (Instance, error) {
	f, err := new(Decoder).Decode(id, value)
	if err != nil {
		return Instance{}, err
	}
	return f.inflate(), nil
}

// Decoder reads many instances that nobody holds for long: it uses the memory of their
// lists again. The zero value is ready. It is for one goroutine.
type Decoder struct {
	last  Flat // what was read, of which the lists are used again
	usual usual
}

// Decode is DecodeValue, but that the result is valid only until the next call.
func (d *Decoder) Decode(id string, value []byte) (*Flat, error) {
	f := &d.last
	if len(value) > MaxValueSize || !f.readUsual(&d.usual, string(value)) {
		var in Instance
		if err := parseValue(value, in.read); err != nil {
			return nil, err
		}
		*f = in.Flat()
	}
	in := &f.Instance
	in.ID = id
	in.Ports = slices.DeleteFunc(in.Ports, func(p Port) bool {
		return p.Protocol != "" && p.Protocol != ProtocolTCP && p.Protocol != ProtocolUDP
	})
	in.Status = in.Status.Worse(StatusUp)
	in.Normalize()
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return f, nil
}

// DecodeOverride reads the value of a status key, whose status is draining or down.
// The error is ErrInvalid. An override that can't be read, or has another status,
// counts as down, since whoever wrote it wanted the instance out: the result says so
// beside the error.
func DecodeOverride(value []byte) (Override, error) {
	var o Override
	err := parseValue(value, o.read)
	if err == nil {
		err = o.check()
	}
	if err != nil {
		return Override{Status: StatusDown}, err
	}
	return o, nil
}

// Override is what an operator says of an instance: the value of its status key.
type Override struct {
	// Status is StatusDraining or StatusDown. It counts where it is worse than the
	// instance's own.
	Status Status `json:"status"`
	// Reason is for people.
	Reason string `json:"reason,omitempty"`
}

// UnmarshalJSON implements json.Unmarshaler for what a person or a program hands in:
// other than in a value read from etcd, an unknown member is ErrInvalid, and so is an
// override that has neither of the two statuses.
func (o *Override) UnmarshalJSON(data []byte) error {
	var out Override
	if err := parse(data, "override", true, out.read); err != nil {
		return err
	}
	if err := out.check(); err != nil {
		return err
	}
	*o = out
	return nil
}

func (o *Override) check() error {
	switch o.Status {
	case StatusDraining, StatusDown:
		return nil
	case "":
		return invalid("status", "is missing")
	case StatusUp: // below
	}
	return invalid("status", "%s is neither %s nor %s: to end an override, delete its key", quote(string(o.Status)), StatusDraining, StatusDown)
}

func (o *Override) read(r *jsonReader) {
	for r.object(); r.member(); {
		switch name := r.name(); string(name) {
		case "status":
			o.Status = readStatus(r)
		case "reason":
			o.Reason = r.string()
		default:
			r.unknown(name)
		}
	}
}

// parseValue parses the value of a key, in which unknown members are ignored.
func parseValue(value []byte, read func(*jsonReader)) error {
	if len(value) > MaxValueSize {
		return invalid("value", "is %d bytes, more than %d", len(value), MaxValueSize)
	}
	return parse(value, "value", false, read)
}

// UnmarshalJSON implements json.Unmarshaler as Service's does.
func (in *Instance) UnmarshalJSON(data []byte) error { return in.parse(data, "instance") }

func (in *Instance) parse(text []byte, field string) error {
	var out Instance
	if err := parse(text, field, true, out.read); err != nil {
		return err
	}
	*in = out
	return nil
}

// UnmarshalJSON implements json.Unmarshaler for what a person or a program
// hands in: other than in a value read from etcd, an unknown member is
// ErrInvalid, since it would be lost. Revision and Stale are ignored, so that
// a result that was written out can be registered again. It checks the form;
// Prepare checks the rules. The result keeps no reference to data.
func (s *Service) UnmarshalJSON(data []byte) error {
	var out Service
	var faults []error
	if err := parse(data, "service", true, func(r *jsonReader) { out, faults = readService(r) }); err != nil {
		return err
	}
	if err := joinFirst(faults); err != nil {
		return err
	}
	*s = out
	return nil
}

// readService reads a service. The faults are those of its instances, each of which
// is named.
func readService(r *jsonReader) (s Service, faults []error) {
	for r.object(); r.member(); {
		switch name := r.name(); string(name) {
		case "namespace":
			s.Namespace = r.string()
		case "name":
			s.Name = r.string()
		case "revision", "stale":
			r.skip()
		case "instances":
			for _, e := range list(r, readElement) {
				at := fmt.Sprintf("instances[%d]", len(s.Instances))
				faults = append(faults, below(at, e.fault))
				s.Instances = append(s.Instances, e.Instance)
			}
		default:
			r.unknown(name)
		}
	}
	return s, faults
}

// element is an instance of a service.
type element struct {
	Instance
	fault error
}

// readElement reads an instance of a service by a reader of its own, so that a fault
// of one leaves the others to be read.
func readElement(r *jsonReader) (e element) {
	text := r.value()
	if r.err == nil {
		e.fault = e.parse(text, "")
	}
	return e
}
