// Package wire has answers in wire form: record sets that are packed once, and
// messages that are made of them by copying octets. It allocates nothing for a message
// whose buffer has room. It knows types, names and octets, and neither who asks nor
// what is registered.
package wire

import (
	"encoding/binary"
	"slices"
)

// Record is a record before it is packed.
type Record struct {
	Type uint16
	TTL  uint32 // in seconds
	// Data is the data in wire form, without compression.
	Data []byte
	// Glue are the addresses at the name that begins at octet Target of Data. Their
	// owner is that name.
	Glue   []Record
	Target int
}

// Packed is a record set whose owner is the name asked for, with the glue of its
// records. Names in the data are not compressed, so that records can be reordered and
// left out. It is immutable.
type Packed struct {
	// records have the owner that points to the question. Each ends where ends says.
	records []byte
	ends    []uint32
	// targetAt is the octet of a record at which the name begins that it points to.
	targetAt int
	// groups say, by record, which of the groups of glue its target has, counted from
	// 1, and 0 for none. It is nil where there is no glue.
	groups []uint32
	// glue are the records of glue, group by group, each without its owner.
	glue     []byte
	glueEnds []uint32
	// smallest is the size of the smallest record in octets.
	smallest int
}

// Pack packs the records of a set. Records with the same target have the same glue.
func Pack(records []Record) *Packed {
	p := &Packed{ends: make([]uint32, 0, len(records))}
	size := 0
	for i := range records {
		size += fixedSize + len(records[i].Data)
	}
	p.records = make([]byte, 0, size)
	byTarget := map[string]uint32{}
	for i := range records {
		r := &records[i]
		p.records = binary.BigEndian.AppendUint16(p.records, pointer|headerSize)
		p.records = appendRecord(p.records, r)
		p.ends = append(p.ends, uint32(len(p.records)))
		if n := fixedSize + len(r.Data); p.smallest == 0 || n < p.smallest {
			p.smallest = n
		}
		if len(r.Glue) > 0 {
			p.addGlue(i, len(records), r, byTarget)
		}
	}
	p.compact()
	return p
}

// compact puts what a message is made of side by side: in the processor's caches are few
// of many sets, and each piece of memory has to be waited for.
func (p *Packed) compact() {
	octets := slices.Concat(p.records, p.glue)
	p.records, p.glue = octets[:len(p.records):len(p.records)], octets[len(p.records):]
	numbers := slices.Concat(p.ends, p.groups, p.glueEnds)
	part := func(list []uint32) []uint32 {
		if list == nil {
			return nil
		}
		n := len(list)
		list, numbers = numbers[:n:n], numbers[n:]
		return list
	}
	p.ends, p.groups, p.glueEnds = part(p.ends), part(p.groups), part(p.glueEnds)
}

// addGlue adds the glue of record i of n.
func (p *Packed) addGlue(i, n int, r *Record, byTarget map[string]uint32) {
	if p.groups == nil {
		p.groups, p.targetAt = make([]uint32, n), fixedSize+r.Target
	}
	target := string(r.Data[r.Target : r.Target+nameSize(r.Data[r.Target:])])
	group, ok := byTarget[target]
	if !ok {
		for j := range r.Glue {
			p.glue = appendRecord(p.glue, &r.Glue[j])
		}
		p.glueEnds = append(p.glueEnds, uint32(len(p.glue)))
		group = uint32(len(p.glueEnds))
		byTarget[target] = group
	}
	p.groups[i] = group
}

// appendRecord appends a record without its owner.
func appendRecord(b []byte, r *Record) []byte {
	b = binary.BigEndian.AppendUint16(b, r.Type)
	b = binary.BigEndian.AppendUint16(b, classINET)
	b = binary.BigEndian.AppendUint32(b, r.TTL)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.Data)))
	return append(b, r.Data...)
}

// DataOf returns the data of a record that is packed with its owner, without
// compression.
func DataOf(record []byte) []byte { return record[nameSize(record)+fixedSize-2:] }

// Len returns how many records there are.
func (p *Packed) Len() int { return len(p.ends) }

// Size returns how many octets of memory the set takes.
func (p *Packed) Size() int {
	const structure = 160 // of this struct, as it is allocated
	return structure + cap(p.records) + cap(p.glue) + 4*(cap(p.ends)+cap(p.groups)+cap(p.glueEnds))
}

// Most returns how many records a message of that many octets has room for at most,
// and one more.
func (p *Packed) Most(size int) int {
	if p.smallest == 0 {
		return 0
	}
	return size/p.smallest + 1
}

// record returns a record of the set.
func (p *Packed) record(i uint32) []byte { return span(p.records, p.ends, i) }

// span returns part i of a list of parts that end where ends says.
func span(list []byte, ends []uint32, i uint32) []byte {
	start := uint32(0)
	if i > 0 {
		start = ends[i-1]
	}
	return list[start:ends[i]]
}
