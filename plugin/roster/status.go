package roster

import (
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
)

// resolveStatus answers for _status.Z: what the server knows of its own
// knowledge, and the time since the last contact: a record for each, since
// resolver libraries join the strings of one. The TTL is 0, since an old status is
// worth nothing.
func (q *question) resolveStatus(state mirror.State, age time.Duration) answer {
	a := answer{exists: true}
	switch q.qtype {
	case dns.TypeANY:
		a.records = q.hinfo(0)
	case dns.TypeTXT:
		var list recordList
		for _, s := range [...]string{
			"state=" + state.String(),
			fmt.Sprintf("revision=%d", q.gen.Revision()),
			fmt.Sprintf("age=%d", int64(age.Seconds())),
			fmt.Sprintf("serial=%d", q.gen.Serial()),
			fmt.Sprintf("instances=%d", q.gen.Unfiltered().Instances()),
		} {
			list.records = append(list.records, &dns.TXT{Hdr: q.header(q.qname, dns.TypeTXT, 0), Txt: []string{s}})
		}
		a.records = list
	}
	return a
}

// ageOf returns the time since the last contact, 0 before the first. It is never
// negative, wherever the contact is from.
func ageOf(s mirror.Status) time.Duration {
	if s.Contact.IsZero() {
		return 0
	}
	return max(0, time.Since(s.Contact))
}

// usable reports whether something is known that is not too old to be told.
func (r *Roster) usable(s mirror.Status) bool {
	return s.State != mirror.Unsynced && !(r.stale > 0 && s.State == mirror.Stale && ageOf(s) > r.stale)
}
