package catalog

import (
	"net/netip"
	"slices"
)

// usual is the room on the stack for the lists of an instance: as many elements
// as nearly all have, so that their final size is known before they are stored.
const usual = 8

// instance reads an instance. It checks the form alone, not the rules.
func (d *decoder) instance() (in Instance, err error) {
	err = d.object(func(name []byte) (known bool, err error) {
		switch string(name) {
		case "id":
			if !d.strict {
				return false, nil // the key has the ID; in a value it is an unknown member
			}
			in.ID, err = d.string()
		case "addresses":
			in.Addresses, err = d.addresses()
		case "host":
			in.Host, err = d.string()
		case "ports":
			in.Ports, err = d.ports()
		case "weight":
			in.Weight, err = d.uint16(0)
		case "priority":
			in.Priority, err = d.uint16(0)
		case "ttl":
			var ttl uint64
			ttl, err = d.uint(0, 32)
			in.TTL = uint32(ttl)
		case "locality":
			in.Locality, err = d.shared()
		case "tags":
			in.Tags, err = d.tags()
		case "metadata":
			in.Metadata, err = d.metadata()
		case "status":
			in.Status, err = d.status()
		case "static":
			in.Static, err = d.bool()
		default:
			return false, nil
		}
		return true, err
	})
	return in, err
}

func (d *decoder) addresses() ([]netip.Addr, error) {
	var room [usual]netip.Addr
	list, n := room[:0], 0
	err := d.list(func() error {
		s, err := d.chars()
		if n++; err != nil || n > MaxAddresses {
			return err
		}
		a, err := netip.ParseAddr(string(s))
		if err != nil {
			return invalid("", "%s is not an IP address", quote(string(s)))
		}
		list = append(list, a)
		return nil
	})
	if n > MaxAddresses {
		return nil, invalid("", "are %d, more than %d", n, MaxAddresses)
	}
	return compact(list), err
}

func (d *decoder) ports() ([]Port, error) {
	var room [usual]Port
	list := room[:0]
	err := d.list(func() error {
		p, err := d.port()
		list = append(list, p)
		return err
	})
	return compact(list), err
}

func (d *decoder) port() (p Port, err error) {
	err = d.object(func(name []byte) (known bool, err error) {
		switch string(name) {
		case "name":
			p.Name, err = d.shared()
		case "port":
			p.Port, err = d.uint16(1)
		case "protocol":
			p.Protocol, err = d.protocol()
		default:
			return false, nil
		}
		return true, err
	})
	return p, err
}

// protocol reads a string that is nearly always one of the constants.
func (d *decoder) protocol() (string, error) {
	s, err := d.chars()
	switch string(s) {
	case ProtocolTCP:
		return ProtocolTCP, err
	case ProtocolUDP:
		return ProtocolUDP, err
	}
	return string(s), err
}

// status reads a string that is nearly always one of the constants.
func (d *decoder) status() (Status, error) {
	s, err := d.chars()
	switch status := Status(s); status {
	case StatusUp:
		return StatusUp, err
	case StatusDraining:
		return StatusDraining, err
	case StatusDown:
		return StatusDown, err
	}
	return Status(s), err
}

func (d *decoder) tags() ([]string, error) {
	var room [usual]string
	list := room[:0]
	err := d.list(func() error {
		tag, err := d.shared()
		list = append(list, tag)
		return err
	})
	return compact(list), err
}

// metadata reads an object whose names are not known beforehand: other than a
// member, a value of the wrong type is a fault even where the key comes again.
func (d *decoder) metadata() (pairs map[string]string, fault error) {
	switch d.peek() {
	case '{':
	case 'n':
		d.literal("null")
		return nil, nil
	default:
		return nil, d.mismatch("an object")
	}
	for key := range d.members {
		if fault != nil {
			d.skip()
			continue
		}
		v, err := d.string()
		if err != nil {
			fault = below("["+quote(string(key))+"]", err)
			continue
		}
		if pairs == nil {
			pairs = make(map[string]string)
		}
		pairs[share(key)] = v
	}
	return pairs, fault
}

// compact returns a copy of a list that has no more room than it needs; of an
// empty one nil.
func compact[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}
