package roster

import (
	"github.com/miekg/dns"
)

// answer is what the registry and the zone have to say to a question, whoever
// asks it: names are in lower case, records in the order of the registry, and
// all of them.
type answer struct {
	// exists says that something exists at or below the name; where it doesn't
	// the answer is NXDOMAIN (RFC 8020).
	exists bool
	// records are the answer section; none of them means NODATA where the name
	// exists.
	records recordSet
	// ordered says that those records that don't fit are to be left out from the
	// end: which ones is decided already.
	ordered bool
	// neighbours says that of more records than fit those answered are next to each
	// other in the registry, in a random order from a random one on.
	neighbours bool
	// local says that the locality of clients plays a part in the answer.
	local bool
	// omitted is how many records are left out since names in them would be too
	// long for DNS.
	omitted int
	// alias is the host that the name is a CNAME for, or "".
	alias string
	// aliasTTL is the TTL of that CNAME in seconds.
	aliasTTL uint32
	// links are the CNAMEs that lead from the name that was asked for to that of the
	// records, each of one name.
	links []dns.RR
	// stale says that etcd is away, so that all this may have changed.
	stale bool
}

// count returns how many records the answer has besides that of an alias.
func (a *answer) count() int {
	if a.records == nil {
		return 0
	}
	return a.records.count()
}
