package resolve

import (
	"cmp"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Compared is a record, and who has it.
type Compared struct {
	Record
	DNS, Etcd bool
}

// Answered returns the records of a name in answers: of the type that was asked for, or
// an alias. What an alias leads to is another name's.
func Answered(domain string, answers []*dns.Msg) (records []Record) {
	for _, m := range answers {
		for _, rr := range m.Answer {
			h := rr.Header()
			if dns.CanonicalName(h.Name) != domain || h.Rrtype != m.Question[0].Qtype && h.Rrtype != dns.TypeCNAME {
				continue
			}
			data := strings.ToLower(strings.TrimPrefix(rr.String(), h.String()))
			records = append(records, Record{dns.TypeToString[h.Rrtype], data})
		}
	}
	return distinct(records)
}

// room is more than a record and the OPT record of an answer take: a message with less
// of it left is full.
const room = 512

// Full returns the types whose answers have no room for another record: of more records
// a server answers as many as there is room for, by its choice.
func Full(answers []*dns.Msg) (types []string) {
	for _, m := range answers {
		answer := dns.Msg{Compress: true, Question: m.Question, Answer: m.Answer}
		if answer.Len() > dns.MaxMsgSize-room {
			types = append(types, dns.TypeToString[m.Question[0].Qtype])
		}
	}
	return types
}

// order is that of the types in a result.
var order = []string{"CNAME", "SRV", "A", "AAAA"}

// Compare returns all records, in order, and how many differ. With a limit a server may
// choose as many of each type, and gives those records equal weights then. Of the types
// that are full records can be missing.
func Compare(answered, expected []Record, limit int, full []string) (list []Compared, differences int) {
	count := func(records []Record, rrtype string) (n int) {
		for _, r := range records {
			if r.Type == rrtype {
				n++
			}
		}
		return n
	}
	for _, rrtype := range order {
		sampled := limit > 0 && count(expected, rrtype) > limit
		chosen := slices.Contains(full, rrtype) || sampled && count(answered, rrtype) == limit
		some := compareType(rrtype, answered, expected, sampled)
		for _, c := range some {
			if c.DNS != c.Etcd && !(chosen && c.Etcd) {
				differences++
			}
		}
		list = append(list, some...)
	}
	return list, differences
}

func compareType(rrtype string, answered, expected []Record, sampled bool) (list []Compared) {
	key := func(r Record) string {
		if !sampled || rrtype != "SRV" {
			return r.Data
		}
		fields := strings.Fields(r.Data)
		return strings.Join(slices.Delete(fields, 1, 2), " ") // without the weight
	}
	at := map[string]int{}
	add := func(records []Record, has func(*Compared)) {
		for _, r := range records {
			if r.Type != rrtype {
				continue
			}
			i, known := at[key(r)]
			if !known {
				i = len(list)
				at[key(r)] = i
				list = append(list, Compared{Record: r})
			}
			has(&list[i])
		}
	}
	add(answered, func(c *Compared) { c.DNS = true })
	add(expected, func(c *Compared) { c.Etcd = true })
	slices.SortFunc(list, func(a, b Compared) int { return cmp.Compare(a.Data, b.Data) })
	return list
}
