package catalog

import (
	"math"
	"net/netip"
	"strings"
)

// usual reads instances in the form in which nearly all are, that of EncodeValue:
// members in this order, no white space, escapes or null, nothing that readers have to
// ignore or refuse, text in ASCII. That takes a third of the time of a reader of any
// JSON, which is for all others.
type usual struct {
	rest string
	// first says that no member of the object has been read.
	first bool
	// other is set once the value is in another form. All methods return then.
	other bool
}

// readUsual reads an instance, into the memory of the lists that there are, or reports
// false where the value is in another form. The result keeps value, as a whole. It uses
// the memory of u.
func (f *Flat) readUsual(u *usual, value string) bool {
	*u = usual{rest: value}
	f.Instance = Instance{Addresses: f.Instance.Addresses[:0], Ports: f.Instance.Ports[:0], Tags: f.Instance.Tags[:0]}
	f.Pairs = f.Pairs[:0]
	in := &f.Instance
	u.begin('{')
	if u.member(`"addresses":`) {
		in.Addresses = usualList(u, in.Addresses, (*usual).address)
	}
	if u.member(`"host":`) {
		in.Host = u.text()
	}
	if u.member(`"ports":`) {
		in.Ports = usualList(u, in.Ports, (*usual).port)
	}
	if u.member(`"weight":`) {
		in.Weight = uint16(u.uint(math.MaxUint16))
	}
	if u.member(`"priority":`) {
		in.Priority = uint16(u.uint(math.MaxUint16))
	}
	if u.member(`"ttl":`) {
		in.TTL = uint32(u.uint(math.MaxUint32))
	}
	if u.member(`"locality":`) {
		in.Locality = u.text()
	}
	if u.member(`"tags":`) {
		in.Tags = usualList(u, in.Tags, (*usual).text)
	}
	if u.member(`"metadata":`) {
		f.Pairs = u.metadata(f.Pairs)
	}
	if u.member(`"status":`) {
		in.Status = Status(u.constant(string(StatusUp), string(StatusDraining), string(StatusDown)))
	}
	if u.member(`"static":true`) {
		in.Static = true
	}
	u.end('}')
	return !u.other && u.rest == "" && sortPairs(f.Pairs)
}

// next reports whether c is next, and reads it.
func (u *usual) next(c byte) bool {
	if u.rest == "" || u.rest[0] != c {
		return false
	}
	u.rest = u.rest[1:]
	return true
}

// expect reads c.
func (u *usual) expect(c byte) { u.other = !u.next(c) || u.other }

// begin reads the start of an object.
func (u *usual) begin(c byte) {
	u.expect(c)
	u.first = true
}

// end reads the end of an object.
func (u *usual) end(c byte) {
	u.expect(c)
	u.first = false
}

// member reports whether a member is next, and reads its name.
func (u *usual) member(name string) bool {
	rest := u.rest
	if !u.first {
		if rest == "" || rest[0] != ',' {
			return false
		}
		rest = rest[1:]
	}
	if u.other || !strings.HasPrefix(rest, name) {
		return false
	}
	u.rest, u.first = rest[len(name):], false
	return true
}

// text reads a string.
func (u *usual) text() string {
	u.expect('"')
	for i := range len(u.rest) {
		switch c := u.rest[i]; {
		case c == '"':
			s := u.rest[:i]
			u.rest = u.rest[i+1:]
			return s
		case c < ' ' || c >= 0x80 || c == '\\':
			u.other = true
			return ""
		}
	}
	u.other = true
	return ""
}

// constant reads a string that is one of a few.
func (u *usual) constant(known ...string) string {
	s := u.text()
	for _, c := range known {
		if s == c {
			return c
		}
	}
	u.other = true
	return ""
}

// uint reads a whole number up to a limit.
func (u *usual) uint(limit uint64) (n uint64) {
	digits := 0
	for digits < len(u.rest) && u.rest[digits] >= '0' && u.rest[digits] <= '9' && n <= limit {
		n = 10*n + uint64(u.rest[digits]-'0')
		digits++
	}
	if digits == 0 || n > limit || digits > 1 && u.rest[0] == '0' {
		u.other = true
		return 0
	}
	u.rest = u.rest[digits:]
	return n
}

// usualList reads an array, each element of it by read, into a list.
func usualList[T any](u *usual, list []T, read func(*usual) T) []T {
	u.expect('[')
	if u.next(']') {
		return list
	}
	if list == nil {
		list = make([]T, 0, 2) // as many as most have at most
	}
	for more := true; more && !u.other; more = u.next(',') {
		list = append(list, read(u))
	}
	u.expect(']')
	return list
}

func (u *usual) address() netip.Addr {
	a, err := netip.ParseAddr(u.text())
	u.other = u.other || err != nil
	return a
}

func (u *usual) port() (p Port) {
	u.begin('{')
	if u.member(`"name":`) {
		p.Name = u.text()
	}
	if u.member(`"port":`) {
		p.Port = uint16(u.uint(math.MaxUint16))
	}
	if u.member(`"protocol":`) {
		p.Protocol = u.constant(ProtocolTCP, ProtocolUDP)
	}
	u.end('}')
	return p
}

func (u *usual) metadata(pairs []Pair) []Pair {
	u.expect('{')
	if u.next('}') {
		return pairs
	}
	for more := true; more && !u.other; more = u.next(',') {
		key := u.text()
		u.expect(':')
		pairs = append(pairs, Pair{key, u.text()})
	}
	u.expect('}')
	return pairs
}
