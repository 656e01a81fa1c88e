package roster

import "github.com/miekg/dns"

// recordSet is what an answer section holds, rendered record by record: a
// service can have many more records than a message holds.
type recordSet interface {
	// count returns how many records there are.
	count() int
	// record renders record i, from 0.
	record(i int) dns.RR
	// size returns the least octets that record i takes in a message: its owner
	// is the name asked for, which is a pointer then.
	size(i int) int
	// exact says that size is no less than what a record takes in a message whose
	// question has the owner's spelling.
	exact() bool
	// appendGlue appends the addresses that the server knows of target, the name
	// that record i points to.
	appendGlue(glue []dns.RR, i int, target string) []dns.RR
}

// headerSize is the size in octets of what messages begin with (RFC 1035, 4.1.1).
const headerSize = 12

// Sizes in octets of what records consist of, at least.
const (
	// fixedSize is an owner that is a compression pointer, and type, class, TTL
	// and length of the data (RFC 1035, 4.1.3).
	fixedSize = 2 + 10
	aSize     = fixedSize + 4
	aaaaSize  = fixedSize + 16
	// srvSize is without the target, which is never compressed (RFC 2782).
	srvSize = fixedSize + 6
	// svcbSize is without the target, as above (RFC 9460, 2.2), and parameters.
	svcbSize = fixedSize + 2
)

// recordList is a set of few records of any type, with the glue of each.
type recordList struct {
	records []dns.RR
	glued   [][]dns.RR // nil, or as long as records
}

// single is a record alone.
func single(rr dns.RR) recordSet { return recordList{records: []dns.RR{rr}} }

func (l recordList) count() int          { return len(l.records) }
func (l recordList) record(i int) dns.RR { return l.records[i] }
func (l recordList) size(int) int        { return fixedSize }
func (l recordList) exact() bool         { return false }

func (l recordList) appendGlue(glue []dns.RR, i int, _ string) []dns.RR {
	if l.glued == nil {
		return glue
	}
	return append(glue, l.glued[i]...)
}

// addressSize returns the size of an A or AAAA record in octets, at least.
func addressSize(rrtype uint16) int {
	if rrtype == dns.TypeA {
		return aSize
	}
	return aaaaSize
}
