package dns

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

var (
	errOther     = errors.New("the answer is to another question")
	errTruncated = errors.New("the answer is truncated")
	errLame      = errors.New("the server does not know the zone")
)

// answer is what a response says to a question. Names in it are in lower case.
type answer struct {
	// records are those of the type that was asked for, at the end of the chain of
	// CNAMEs, if there is one.
	records []dns.RR
	// alias is what the name is a CNAME of; empty if of nothing.
	alias string
	// addresses are those of names, in the records and beside them.
	addresses map[string][]netip.Addr
	// ttl is how long the answer may be used.
	ttl time.Duration
	// stale says that the server has lost contact with the registry.
	stale bool
}

// recordsOf yields the records of a Go type.
func recordsOf[T dns.RR](a answer) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, rr := range a.records {
			if record, ok := rr.(T); ok && !yield(record) {
				return
			}
		}
	}
}

// read returns what a response says to a question, also that there is nothing.
func read(q dns.Question, m *dns.Msg) (answer, error) {
	switch {
	case !m.Response || m.Opcode != dns.OpcodeQuery || len(m.Question) != 1 || !same(m.Question[0], q):
		return answer{}, errOther
	case m.Truncated:
		return answer{}, errTruncated
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		return answer{}, failure(m)
	}
	a := answer{addresses: map[string][]netip.Addr{}, ttl: longestTTL, stale: hasError(m, dns.ExtendedErrorCodeStaleAnswer, dns.ExtendedErrorCodeStaleNXDOMAINAnswer)}
	owner := a.follow(q, m)
	for _, rr := range m.Answer {
		if h := rr.Header(); h.Rrtype == q.Qtype && h.Class == q.Qclass && dns.CanonicalName(h.Name) == owner {
			a.records = append(a.records, rr)
			a.limit(h.Ttl)
		}
	}
	if len(a.records) > 0 {
		a.readAddresses(a.records)
		a.readAddresses(m.Extra)
		return a, nil
	}
	return a, a.readNothing(m)
}

func same(a, b dns.Question) bool {
	return a.Qtype == b.Qtype && a.Qclass == b.Qclass && dns.CanonicalName(a.Name) == dns.CanonicalName(b.Name)
}

// follow follows the CNAMEs of the name in question, and returns where they end.
func (a *answer) follow(q dns.Question, m *dns.Msg) (owner string) {
	owner = dns.CanonicalName(q.Name)
	for range m.Answer { // so often at most: a chain can be a loop
		i := slices.IndexFunc(m.Answer, func(rr dns.RR) bool {
			_, is := rr.(*dns.CNAME)
			return is && dns.CanonicalName(rr.Header().Name) == owner
		})
		if i < 0 {
			break
		}
		owner = dns.CanonicalName(m.Answer[i].(*dns.CNAME).Target)
		a.limit(m.Answer[i].Header().Ttl)
		if a.alias == "" {
			a.alias = owner
		}
	}
	return owner
}

// readAddresses takes the addresses of names from records.
func (a *answer) readAddresses(records []dns.RR) {
	for _, rr := range records {
		var addr netip.Addr
		switch rr := rr.(type) {
		case *dns.A:
			addr, _ = netip.AddrFromSlice(rr.A.To4())
		case *dns.AAAA:
			addr, _ = netip.AddrFromSlice(rr.AAAA)
		default:
			continue
		}
		name := dns.CanonicalName(rr.Header().Name)
		a.addresses[name] = append(a.addresses[name], addr)
		a.limit(rr.Header().Ttl)
	}
}

// lacksAddresses reports whether only some targets of SRV records have addresses: those of
// the others had no room, which is no reason to truncate an answer (RFC 2181, 9).
func (a answer) lacksAddresses() bool {
	var with, without bool
	for srv := range recordsOf[*dns.SRV](a) {
		has := len(a.addresses[dns.CanonicalName(srv.Target)]) > 0
		with, without = with || has, without || !has
	}
	return with && without
}

// readNothing reads for how long there is nothing (RFC 2308, 5). One that has no SOA
// record, and neither is of the zone nor looks further, only says that the server knows
// nothing.
func (a *answer) readNothing(m *dns.Msg) error {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			a.limit(min(soa.Hdr.Ttl, soa.Minttl))
			return nil
		}
	}
	if !m.Authoritative && !m.RecursionAvailable {
		return errLame
	}
	a.ttl = min(a.ttl, nothingTTL)
	return nil
}

// limit lowers the TTL of the answer to that of one of its records.
func (a *answer) limit(ttl uint32) {
	if ttl > maxTTL {
		ttl = 0
	}
	a.ttl = min(a.ttl, time.Duration(ttl)*time.Second)
}

const (
	// longestTTL is for how long an answer is used at most: one that was wrong is right
	// again then.
	longestTTL = 5 * time.Minute
	// maxTTL is the largest TTL; a larger one counts as 0 (RFC 2181, 8).
	maxTTL = 1<<31 - 1
	// nothingTTL is how long there is nothing where an answer doesn't say: as long as by
	// roster's default.
	nothingTTL = 5 * time.Second
)

// failure says what is wrong by the code of a response, and by its reason (RFC 8914), if
// it states one.
func failure(m *dns.Msg) error {
	code, known := dns.RcodeToString[m.Rcode]
	if !known {
		code = fmt.Sprintf("response code %d", m.Rcode)
	}
	for _, e := range extendedErrors(m) {
		return fmt.Errorf("%s: %s %.100q", code, dns.ExtendedErrorCodeToString[e.InfoCode], e.ExtraText)
	}
	return errors.New(code)
}

// hasError reports whether a response has one of the extended errors.
func hasError(m *dns.Msg, codes ...uint16) bool {
	return slices.ContainsFunc(extendedErrors(m), func(e *dns.EDNS0_EDE) bool { return slices.Contains(codes, e.InfoCode) })
}

func extendedErrors(m *dns.Msg) (errs []*dns.EDNS0_EDE) {
	opt := m.IsEdns0()
	if opt == nil {
		return nil
	}
	for _, o := range opt.Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok {
			errs = append(errs, e)
		}
	}
	return errs
}
