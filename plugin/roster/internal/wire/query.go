package wire

import (
	"encoding/binary"
	"slices"
)

// Query is a question as an answer repeats it.
type Query struct {
	ID     uint16
	RD, CD bool
	// Question is the question section as the client sent it: one name in its
	// spelling and without compression, type and class.
	Question []byte
	// EDNS says that there is an OPT record, of which the others are.
	EDNS    bool
	UDPSize uint16
	DO      bool
}

// Reply is what an answer depends on besides the question and the records. It has memory
// that is used again for the next one. It is for one goroutine.
type Reply struct {
	// Size is how many octets the message can have.
	Size int
	// Datagram says that the client can ask again for what is missing, by TCP.
	Datagram bool
	// Options are those of the OPT record, in wire form.
	Options []byte
	// UDPSize is the size that the OPT record states.
	UDPSize uint16
	// Sampled is the place in the order from which on records are a sample: as SRV
	// records they have equal weights, since they were picked by their own.
	Sampled int
	// seen has a bit for each group of glue.
	seen []uint64
}

// groups returns a bit for each of n groups of glue, none of which is set.
func (r *Reply) groups(n int) []uint64 {
	words := (n + 63) / 64
	r.seen = slices.Grow(r.seen[:0], words)[:words]
	clear(r.seen)
	return r.seen
}

// AppendKey appends the question with the name in lower case: equal for all spellings.
func (q *Query) AppendKey(buf []byte) []byte {
	start, name := len(buf), len(q.Question)-4
	buf = append(buf, q.Question...)
	Lower(buf[start:][:name])
	return buf
}

// Type returns the type that is asked for.
func (q *Query) Type() uint16 { return binary.BigEndian.Uint16(q.Question[len(q.Question)-4:]) }

// Parse takes a query from a message and reports whether it is a plain one: a question
// of class IN, at most an OPT record of version 0 besides, and nothing that isn't
// understood. Options of EDNS that skip reports true for are left out; with others it
// reports false. The question shares the memory of the message.
func (q *Query) Parse(message []byte, skip func(option uint16) bool) bool {
	const (
		plain = bitRD | bitCD | bitAD
		tail  = 4 // type and class of a question
	)
	if len(message) < headerSize || binary.BigEndian.Uint32(message[4:]) != 1<<16 || message[8]|message[9]|message[10] != 0 {
		return false // not one question alone, but for records in the additional section
	}
	bits := binary.BigEndian.Uint16(message[2:])
	name := plainName(message[headerSize:])
	end := headerSize + name + tail
	if bits&^plain != 0 || name == 0 || end > len(message) || binary.BigEndian.Uint16(message[end-2:]) != classINET {
		return false
	}
	*q = Query{
		ID: binary.BigEndian.Uint16(message), RD: bits&bitRD != 0, CD: bits&bitCD != 0,
		Question: message[headerSize:end:end],
	}
	rest := message[end:]
	switch message[11] {
	case 0:
		return len(rest) == 0
	case 1:
		return q.parseOPT(rest, skip)
	}
	return false
}

// parseOPT takes the OPT record that a message ends with.
func (q *Query) parseOPT(b []byte, skip func(option uint16) bool) bool {
	if len(b) < optSize || b[0] != 0 || binary.BigEndian.Uint16(b[1:]) != typeOPT ||
		b[5]|b[6] != 0 || int(binary.BigEndian.Uint16(b[9:])) != len(b)-optSize {
		return false // another record, an extended code or version, or more than one
	}
	q.EDNS, q.UDPSize, q.DO = true, binary.BigEndian.Uint16(b[3:]), b[7]&(bitDO>>8) != 0
	for options := b[optSize:]; len(options) > 0; {
		const head = 4 // code and length
		if len(options) < head {
			return false
		}
		size := head + int(binary.BigEndian.Uint16(options[2:]))
		if size > len(options) || !skip(binary.BigEndian.Uint16(options)) {
			return false
		}
		options = options[size:]
	}
	return true
}

// appendHead appends a header, without counts of records but that of the question, and
// the question.
func (q *Query) appendHead(buf []byte) []byte {
	bits := uint16(bitQR | bitAA)
	if q.RD {
		bits |= bitRD
	}
	if q.CD {
		bits |= bitCD
	}
	buf = binary.BigEndian.AppendUint16(buf, q.ID)
	buf = binary.BigEndian.AppendUint16(buf, bits)
	buf = append(buf, 0, 1, 0, 0, 0, 0, 0, 0)
	return append(buf, q.Question...)
}

func (q *Query) appendOPT(buf []byte, r *Reply) []byte {
	buf = append(buf, 0) // the root
	buf = binary.BigEndian.AppendUint16(buf, typeOPT)
	buf = binary.BigEndian.AppendUint16(buf, r.UDPSize)
	flags := uint32(0)
	if q.DO {
		flags = bitDO
	}
	buf = binary.BigEndian.AppendUint32(buf, flags)
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(r.Options)))
	return append(buf, r.Options...)
}
