package services

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/rosterdns/roster/catalog"
)

// storedForm is what the value of an instance in a snapshot begins with; the record
// follows, without the ID, which the key has, and without an override. Files of version
// 1 of the format have JSON in its place, which begins with another byte.
const storedForm = 0

var errRecord = errors.New("is not the record of an instance")

// appendStored appends the value that a snapshot has of the instance.
func (r record) appendStored(b []byte) []byte {
	own := r.own()
	return append(append(b, storedForm), own[len(own.id())+1:]...)
}

// isStored reports whether the value of an instance in a snapshot is a record.
func isStored(value []byte) bool { return len(value) > 0 && value[0] == storedForm }

// storedReader reads records of a snapshot. Other than a cursor it believes nothing: a
// file with the right checksum can be made to mislead, or be that of a program with
// other rules. The zero value is ready. It is for one goroutine.
type storedReader struct {
	rest string
	bad  bool         // what was read is no record; rest is empty then
	flat catalog.Flat // the memory of its lists is used again
}

// record returns the record of an instance by the value that appendStored has made.
func (s *storedReader) record(id string, value []byte) (record, error) {
	var room [maxRecord]byte
	b := append(append(room[:0], id...), 0)
	r := record(append(b, value[1:]...))
	s.rest, s.bad = string(r[len(id)+1:]), false
	if s.flat.Instance.ID = id; !s.read() {
		return "", errRecord
	}
	return r, s.flat.Validate()
}

// read reads the instance, and reports whether that is all there is.
func (s *storedReader) read() bool {
	in := &s.flat.Instance
	*in = catalog.Instance{
		ID: in.ID, Addresses: in.Addresses[:0], Ports: in.Ports[:0], Tags: in.Tags[:0], Weight: catalog.DefaultWeight,
	}
	flags := s.byte()
	if int(flags&statusMask) < len(statuses) {
		in.Status = statuses[flags&statusMask]
	}
	in.Static = flags&flagStatic != 0
	if flags&flagHost != 0 {
		in.Host = s.text()
	} else {
		for range s.number(catalog.MaxAddresses) {
			in.Addresses = append(in.Addresses, s.address())
		}
	}
	for range s.number(catalog.MaxPorts) {
		in.Ports = append(in.Ports, s.port())
	}
	if flags&flagMore != 0 {
		s.readMore()
	}
	s.readMetadata()
	// Where the flags are others, it was not all, or is not as newRecord has it.
	return !s.bad && s.rest == "" && in.Status != "" && flags == flagsOf(in)
}

func (s *storedReader) readMore() {
	in := &s.flat.Instance
	in.Weight, in.Priority = uint16(s.number(1<<16-1)), uint16(s.number(1<<16-1))
	in.TTL, in.Locality = uint32(s.number(1<<32-1)), s.text()
	for range s.number(catalog.MaxTags) {
		in.Tags = append(in.Tags, s.text())
	}
}

func (s *storedReader) readMetadata() {
	s.flat.Pairs = s.flat.Pairs[:0]
	last := ""
	for range s.number(catalog.MaxMetadata) {
		p := catalog.Pair{Key: s.text(), Value: s.text()}
		if p.Key <= last { // also after the end
			s.fail()
			return
		}
		s.flat.Pairs = append(s.flat.Pairs, p)
		last = p.Key
	}
}

func (s *storedReader) fail() { s.rest, s.bad = "", true }

func (s *storedReader) take(n int) string {
	if n > len(s.rest) {
		s.fail()
		return ""
	}
	text := s.rest[:n]
	s.rest = s.rest[n:]
	return text
}

func (s *storedReader) byte() byte {
	if b := s.take(1); b != "" {
		return b[0]
	}
	return 0
}

// number reads a uvarint that is at most a limit.
func (s *storedReader) number(limit uint64) (n uint64) {
	for shift := 0; shift < 7*binary.MaxVarintLen32; shift += 7 {
		b := s.byte()
		n |= uint64(b&0x7f) << shift
		if b >= 0x80 {
			continue
		}
		if n <= limit && (b > 0 || shift == 0) { // in no more bytes than it needs
			return n
		}
		break
	}
	s.fail()
	return 0
}

func (s *storedReader) text() string { return s.take(int(s.number(catalog.MaxValueSize))) }

func (s *storedReader) address() netip.Addr {
	a, ok := netip.AddrFromSlice([]byte(s.text()))
	if !ok {
		s.fail()
	}
	return a
}

func (s *storedReader) port() catalog.Port {
	p := catalog.Port{Port: uint16(s.number(1<<16 - 1)), Protocol: catalog.ProtocolTCP}
	length := s.number(catalog.MaxValueSize)
	if length&1 != 0 {
		p.Protocol = catalog.ProtocolUDP
	}
	p.Name = s.take(int(length >> 1))
	return p
}
