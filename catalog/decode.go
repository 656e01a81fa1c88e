package catalog

import (
	"fmt"
	"slices"
)

// UnmarshalJSON implements json.Unmarshaler for what a person or a program
// hands in: other than in a value read from etcd, an unknown member is
// ErrInvalid, since it would be lost. Revision and Stale are ignored, so that
// a result that was written out can be read as a wish. It checks the form;
// Prepare checks the rules. The result keeps no reference to data.
func (s *Service) UnmarshalJSON(data []byte) error {
	var out Service
	var faults []error
	d := newDecoder(data, true)
	err := d.object(func(name []byte) (known bool, err error) {
		switch string(name) {
		case "namespace":
			out.Namespace, err = d.string()
		case "name":
			out.Name, err = d.string()
		case "revision", "stale":
			d.skip()
		case "instances":
			out.Instances, faults, err = d.instances()
		default:
			return false, nil
		}
		return true, err
	})
	if err := d.finish("service", err); err != nil {
		return err
	}
	if err := joinFirst(faults); err != nil {
		return err
	}
	*s = out
	return nil
}

// instances reads the instances of a service. The faults are those of its
// elements, the error is one of the list.
func (d *decoder) instances() (list []Instance, faults []error, err error) {
	err = d.list(func() error {
		in, err := d.instance()
		if err != nil {
			faults = append(faults, below(fmt.Sprintf("instances[%d]", len(list)), err))
		}
		list = append(list, in)
		return nil
	})
	return list, faults, err
}

// UnmarshalJSON implements json.Unmarshaler as Service's does.
func (in *Instance) UnmarshalJSON(data []byte) error {
	d := newDecoder(data, true)
	out, err := d.instance()
	if err := d.finish("instance", err); err != nil {
		return err
	}
	*in = out
	return nil
}

// DecodeValue reads an instance from the value of its key, as readers do: it
// ignores unknown members, drops ports of unknown protocols and takes an
// unknown status for down. What it returns is normalized and valid. The error
// is ErrInvalid, names the member at fault, and quotes no more than a bounded
// part of the value. The result keeps no reference to value.
func DecodeValue(id string, value []byte) (Instance, error) {
	if len(value) > MaxValueSize {
		return Instance{}, invalid("value", "is %d bytes, more than %d", len(value), MaxValueSize)
	}
	d := newDecoder(value, false)
	in, err := d.instance()
	if err := d.finish("value", err); err != nil {
		return Instance{}, err
	}
	in.ID = id
	in.Ports = slices.DeleteFunc(in.Ports, func(p Port) bool {
		return p.Protocol != "" && p.Protocol != ProtocolTCP && p.Protocol != ProtocolUDP
	})
	in.Status = in.Status.Worse(StatusUp)
	in.Normalize()
	if err := in.Validate(); err != nil {
		return Instance{}, err
	}
	return in, nil
}

// Override is an operator's word on an instance: the value of its status key.
type Override struct {
	// Status counts where it is worse than the instance's own.
	Status Status `json:"status"`
	// Reason is for people.
	Reason string `json:"reason,omitempty"`
}

// DecodeOverride reads the value of a status key as readers do: an unknown
// status is down. The error is ErrInvalid.
func DecodeOverride(value []byte) (Override, error) {
	if len(value) > MaxValueSize {
		return Override{}, invalid("value", "is %d bytes, more than %d", len(value), MaxValueSize)
	}
	var o Override
	d := newDecoder(value, false)
	err := d.object(func(name []byte) (known bool, err error) {
		switch string(name) {
		case "status":
			o.Status, err = d.status()
		case "reason":
			o.Reason, err = d.string()
		default:
			return false, nil
		}
		return true, err
	})
	if err := d.finish("value", err); err != nil {
		return Override{}, err
	}
	if o.Status == "" {
		return Override{}, invalid("status", "is missing")
	}
	o.Status = o.Status.Worse(StatusUp)
	return o, nil
}
