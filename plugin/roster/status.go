package roster

import (
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
)

// resolveStatus answers for _status.Z: what the server knows of its own
// knowledge. The TTL is 0, since an old status is worth nothing.
func (q *question) resolveStatus(s mirror.Status) answer {
	a := answer{exists: true}
	switch q.qtype {
	case dns.TypeANY:
		a.records = []dns.RR{q.hinfo(0)}
	case dns.TypeTXT:
		a.records = []dns.RR{&dns.TXT{Hdr: q.header(q.owner, dns.TypeTXT, 0), Txt: []string{
			"state=" + s.State.String(),
			fmt.Sprintf("revision=%d", q.gen.Revision()),
			fmt.Sprintf("age=%d", int64(ageOf(s).Seconds())),
			fmt.Sprintf("serial=%d", q.gen.Serial()),
			fmt.Sprintf("instances=%d", q.gen.Instances()),
		}}}
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
