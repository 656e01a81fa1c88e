package services

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// record is a valid instance, and the override that it is under, in compact form:
// one string takes a tenth of the memory of the lists, maps and texts that
// catalog.Instance consists of, of which most are never asked for. Of equal
// instances the records are equal. It is never empty.
//
// It has the ID, a zero byte, and a byte of flags; the revision of the override if
// there is one; the addresses or the host; the ports; weight, priority, TTL,
// locality and tags, unless all of them are the default; the metadata in order of
// key. Numbers are uvarints, texts and lists come after their length.
type record string

// Flags of a record: below them two bits each for the instance's own status and that
// of the override, where 0 is none.
const (
	overrideShift      = 2
	statusMask         = 3
	flagStatic    byte = 1 << 4
	flagHost      byte = 1 << 5
	flagMore      byte = 1 << 6 // weight and what follows it
)

// statuses are what two bits of the flags stand for: in order, the worse the higher.
var statuses = [...]catalog.Status{catalog.StatusUp, catalog.StatusDraining, catalog.StatusDown}

func statusBits(s catalog.Status) byte { return byte(slices.Index(statuses[:], s)) }

// maxRecord is the length that hardly a record exceeds: as much room is on the stack, so
// that they are allocated once.
const maxRecord = 512

// newRecord returns the record of a normalized and valid instance.
func newRecord(in *catalog.Instance) record {
	f := in.Flat()
	return flatRecord(&f)
}

// flatRecord is newRecord of an instance whose metadata are in a list.
func flatRecord(f *catalog.Flat) record {
	in := &f.Instance
	var room [maxRecord]byte
	b := append(room[:0], in.ID...)
	b = append(b, 0, flagsOf(in))
	if in.Host != "" {
		b = appendText(b, in.Host)
	} else {
		b = appendAddresses(b, in.Addresses)
	}
	b = appendPorts(b, in.Ports)
	if hasMore(in) {
		b = binary.AppendUvarint(b, uint64(in.Weight))
		b = binary.AppendUvarint(b, uint64(in.Priority))
		b = binary.AppendUvarint(b, uint64(in.TTL))
		b = appendText(b, in.Locality)
		b = binary.AppendUvarint(b, uint64(len(in.Tags)))
		for _, tag := range in.Tags {
			b = appendText(b, tag)
		}
	}
	return record(appendMetadata(b, f.Pairs))
}

func flagsOf(in *catalog.Instance) byte {
	flags := statusBits(in.Status)
	if in.Static {
		flags |= flagStatic
	}
	if in.Host != "" {
		flags |= flagHost
	}
	if hasMore(in) {
		flags |= flagMore
	}
	return flags
}

func hasMore(in *catalog.Instance) bool {
	return in.Weight != catalog.DefaultWeight || in.Priority != 0 || in.TTL != 0 || in.Locality != "" || len(in.Tags) > 0
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendAddresses(b []byte, addresses []netip.Addr) []byte {
	b = binary.AppendUvarint(b, uint64(len(addresses)))
	for _, a := range addresses {
		if a.Is4() {
			b, _ = a.AppendBinary(append(b, 4)) // never fails
		} else {
			b, _ = a.AppendBinary(append(b, 16))
		}
	}
	return b
}

// appendPorts appends each port as its number, the length of its name with a bit for
// the protocol, and the name.
func appendPorts(b []byte, ports []catalog.Port) []byte {
	b = binary.AppendUvarint(b, uint64(len(ports)))
	for i := range ports {
		p := &ports[i]
		b = binary.AppendUvarint(b, uint64(p.Port))
		length := len(p.Name) << 1
		if p.Protocol == catalog.ProtocolUDP {
			length |= 1
		}
		b = append(binary.AppendUvarint(b, uint64(length)), p.Name...)
	}
	return b
}

func appendMetadata(b []byte, pairs []catalog.Pair) []byte {
	b = binary.AppendUvarint(b, uint64(len(pairs)))
	for _, p := range pairs {
		b = appendText(appendText(b, p.Key), p.Value)
	}
	return b
}

// instance returns the instance, with the override applied. It shares the memory of
// the record's texts.
func (r record) instance() catalog.Instance {
	_, flags, c := r.parts()
	in := catalog.Instance{ID: r.id(), Weight: catalog.DefaultWeight, Status: r.status(), Static: flags&flagStatic != 0}
	if flags&flagHost != 0 {
		in.Host = c.text()
	} else {
		in.Addresses = c.addresses().list()
	}
	in.Ports = c.ports().list()
	if flags&flagMore != 0 {
		in.Weight, in.Priority, in.TTL, in.Locality = uint16(c.number()), uint16(c.number()), uint32(c.number()), c.text()
		in.Tags = c.texts()
	}
	in.Metadata = c.pairs()
	return in
}

// parts returns the revision of the override, 0 without one, the flags, and what
// follows them.
func (r record) parts() (revision int64, flags byte, rest cursor) {
	rest = cursor(r[len(r.id())+1:])
	flags = rest.byte()
	if flags>>overrideShift&statusMask != 0 {
		revision = int64(rest.number())
	}
	return revision, flags, rest
}

// id returns the ID of the instance.
func (r record) id() string { return string(r[:strings.IndexByte(string(r), 0)]) }

// compareID compares the ID of the instance with another one.
func (r record) compareID(id string) int {
	n := min(len(r), len(id))
	if c := strings.Compare(string(r[:n]), id); c != 0 {
		return c
	}
	return int(r[n]) // which is 0 after the ID
}

func (r record) flags() byte { return r[strings.IndexByte(string(r), 0)+1] }

// status returns the status with the override applied.
func (r record) status() catalog.Status {
	flags := r.flags()
	return statuses[max(flags&statusMask, flags>>overrideShift&statusMask)]
}

// ownStatus returns the status without the override.
func (r record) ownStatus() catalog.Status { return statuses[r.flags()&statusMask] }

// up reports whether the instance takes new work.
func (r record) up() bool { return r.status() == catalog.StatusUp }

// override returns the override that the instance is under, and whether there is one.
func (r record) override() (override, bool) {
	revision, flags, _ := r.parts()
	bits := flags >> overrideShift & statusMask
	return override{status: statuses[bits], revision: revision}, bits != 0
}

// own returns the record of the instance as it is in etcd.
func (r record) own() record {
	_, flags, rest := r.parts()
	if flags>>overrideShift&statusMask == 0 {
		return r
	}
	flags &^= statusMask << overrideShift
	return record(r.id() + string([]byte{0, flags}) + string(rest))
}

// under returns the record of the instance under an override.
func (r record) under(ov override) record {
	own := r.own()
	_, flags, rest := own.parts()
	flags |= statusBits(ov.status) << overrideShift
	return record(own.id() + string(binary.AppendUvarint([]byte{0, flags}, uint64(ov.revision))) + string(rest))
}

// addresses returns the addresses of the instance.
func (r record) addresses() packedAddresses {
	_, flags, c := r.parts()
	if flags&flagHost != 0 {
		return ""
	}
	return c.addresses()
}

// has reports whether the instance has an address.
func (r record) has(a netip.Addr) bool {
	for own := range r.addresses().all() {
		if own == a {
			return true
		}
	}
	return false
}

// ports returns the ports of the instance.
func (r record) ports() packedPorts {
	_, flags, c := r.parts()
	if flags&flagHost != 0 {
		c.text()
	} else {
		c.addresses()
	}
	return c.ports()
}
