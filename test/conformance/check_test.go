package conformance

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// answer is an answer as it came.
type answer struct {
	*dns.Msg
	wire []byte
}

// check returns how an answer differs from what a case says, and which rules that
// hold for all answers it breaks.
func (c *testCase) check(sent *dns.Msg, network string, got answer) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if rcode := rcodeOf(got.Msg); rcode != c.want.rcode {
		fault("code is %s, want %s", rcode, c.want.rcode)
	}
	if flags := flagsOf(got.Msg); flags != c.want.flags {
		fault("flags are %q, want %q", flags, c.want.flags)
	}
	for _, name := range sectionNames {
		want := c.want.sections[name]
		if want == nil {
			want = &section{}
		}
		faults = append(faults, want.check(name, sectionOf(got.Msg, name))...)
	}
	if options := optionsOf(got.Msg); !slices.Equal(options, c.want.options) {
		fault("EDNS options are %q, want %q", options, c.want.options)
	}
	if limit := c.query.limit(network); len(got.wire) > limit {
		fault("it has %d octets, the client takes %d", len(got.wire), limit)
	}
	return append(faults, rules(sent, got)...)
}

// badVers is the name of the code that package dns calls BADSIG, by the other use of
// its number.
const badVers = "BADVERS"

func rcodeOf(m *dns.Msg) string {
	if m.Rcode == dns.RcodeBadVers {
		return badVers
	}
	return dns.RcodeToString[m.Rcode]
}

// flagsOf returns the flags of an answer in the order of dig, QR left out.
func flagsOf(m *dns.Msg) string {
	var set []string
	for _, f := range []struct {
		name string
		is   bool
	}{
		{"aa", m.Authoritative},
		{"tc", m.Truncated},
		{"rd", m.RecursionDesired},
		{"ra", m.RecursionAvailable},
		{"z", m.Zero},
		{"ad", m.AuthenticatedData},
		{"cd", m.CheckingDisabled},
	} {
		if f.is {
			set = append(set, f.name)
		}
	}
	return strings.Join(set, " ")
}

// sectionOf returns the records of a section but OPT.
func sectionOf(m *dns.Msg, name string) []dns.RR {
	switch name {
	case "answer":
		return m.Answer
	case "authority":
		return m.Ns
	}
	return slices.DeleteFunc(slices.Clone(m.Extra), func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT })
}

// check returns how a section differs from what is expected.
func (s *section) check(name string, records []dns.RR) []string {
	var faults, got []string
	for _, rr := range records {
		text := canonical(rr)
		got = append(got, text)
		if s.counts && s.rrtype != "ANY" && dns.TypeToString[rr.Header().Rrtype] != s.rrtype {
			faults = append(faults, fmt.Sprintf("%s has %q, want %s only", name, text, s.rrtype))
		}
		if s.among != nil && !slices.Contains(s.among, text) {
			faults = append(faults, fmt.Sprintf("%s has %q, which is none of %q", name, text, s.among))
		}
	}
	if s.counts {
		if len(got) < s.least || len(got) > s.most {
			faults = append(faults, fmt.Sprintf("%s has %d records, want %d to %d", name, len(got), s.least, s.most))
		}
		return faults
	}
	if s.among == nil {
		for _, want := range s.records {
			if !slices.Contains(got, want) {
				faults = append(faults, fmt.Sprintf("%s lacks %q", name, want))
			}
		}
		for _, text := range got {
			if !slices.Contains(s.records, text) {
				faults = append(faults, fmt.Sprintf("%s has %q", name, text))
			}
		}
	}
	return faults
}

// changing are values that differ with time, and with what is registered.
var changing = regexp.MustCompile(`"(revision|age|serial|instances)=\d+"`)

// serial is the word for the serial of SOA records in what is compared.
const serial = "SERIAL"

// canonical returns the form of a record in which it is compared.
func canonical(rr dns.RR) string {
	text := changing.ReplaceAllString(presentation(rr), `"$1=N"`)
	if soa, ok := rr.(*dns.SOA); ok {
		text = strings.Replace(text, fmt.Sprintf(" %d ", soa.Serial), " "+serial+" ", 1)
	}
	return text
}

// optionsOf returns the EDNS options of an answer.
func optionsOf(m *dns.Msg) []string {
	opt := m.IsEdns0()
	if opt == nil {
		return nil
	}
	var options []string
	for _, o := range opt.Option {
		switch o := o.(type) {
		case *dns.EDNS0_EDE:
			options = append(options, fmt.Sprintf("EDE %d", o.InfoCode))
		case *dns.EDNS0_SUBNET:
			options = append(options, fmt.Sprintf("ECS %s/%d/%d", o.Address, o.SourceNetmask, o.SourceScope))
		default:
			options = append(options, fmt.Sprintf("%d %s", o.Option(), o))
		}
	}
	return options
}

// rules returns which rules for all answers an answer breaks.
func rules(sent *dns.Msg, got answer) []string {
	var faults []string
	rule := func(ok bool, reference string) {
		if !ok {
			faults = append(faults, reference)
		}
	}
	rule(got.Id == sent.Id && got.Response && got.Opcode == sent.Opcode, "RFC 1035 4.1.1: ID and opcode are the query's, and QR is set")
	rule(isRejected(sent, got.Msg) || slices.Equal(got.Question, sent.Question), "HAProxy, 0x20 resolvers: the question is echoed to the letter")
	cname := slices.IndexFunc(got.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeCNAME })
	rule(cname <= 0 || got.Answer[cname-1].Header().Rrtype == dns.TypeCNAME, "glibc: a CNAME comes before what it points to")
	rule(!glueAfterOPT(got.Msg), "HAProxy 2.6: OPT is the last record")
	faults = append(faults, ednsRules(sent, got)...)
	faults = append(faults, setRules(got.Msg)...)
	return append(faults, compressedTargets(got.wire)...)
}

func glueAfterOPT(m *dns.Msg) bool {
	at := slices.IndexFunc(m.Extra, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT })
	return at >= 0 && at < len(m.Extra)-1
}

// ednsRules are those of the OPT record.
func ednsRules(sent *dns.Msg, got answer) []string {
	asked, opt := sent.IsEdns0(), got.IsEdns0()
	if isRejected(sent, got.Msg) {
		return nil
	}
	switch {
	case (asked != nil) != (opt != nil):
		return []string{"RFC 6891 6.1.1: there is an OPT record in answers to queries that have one, and in no others"}
	case opt == nil:
		return nil
	case opt.Version() != 0:
		return []string{"RFC 6891 6.1.3: the version is the highest that the server knows"}
	case opt.Do() != asked.Do() && got.Rcode != dns.RcodeBadVers:
		return []string{"RFC 3225 3: DO is the query's"}
	}
	return nil
}

// isRejected reports whether a query is turned down by its header, or can't be read,
// so that neither its question nor its OPT record has been.
func isRejected(sent, got *dns.Msg) bool {
	return got.Rcode == dns.RcodeFormatError || got.Rcode == dns.RcodeNotImplemented && sent.Opcode != dns.OpcodeNotify
}

// setRules are those of the record sets of a message.
func setRules(m *dns.Msg) []string {
	ttls := map[string]uint32{}
	seen := map[string]bool{}
	var faults []string
	for _, rr := range slices.Concat(m.Answer, m.Ns, m.Extra) {
		h := rr.Header()
		if h.Rrtype == dns.TypeOPT {
			continue
		}
		set := strings.ToLower(h.Name) + " " + dns.TypeToString[h.Rrtype]
		if ttl, is := ttls[set]; is && ttl != h.Ttl {
			faults = append(faults, "RFC 2181 5.2: the records of a set have one TTL: "+set)
		}
		ttls[set] = h.Ttl
		if seen[rr.String()] {
			faults = append(faults, "RFC 2181 5: a record is once in a set: "+rr.String())
		}
		seen[rr.String()] = true
		srv, is := rr.(*dns.SRV)
		if !is {
			continue
		}
		if srv.Weight == 0 || srv.Target == "." {
			faults = append(faults, "HAProxy: no SRV record has weight 0, or no target: "+srv.String())
		}
		if slices.ContainsFunc(m.Extra, func(rr dns.RR) bool { return isRespelled(rr.Header().Name, srv.Target) }) {
			faults = append(faults, "HAProxy: a target and its addresses are spelled alike: "+srv.String())
		}
	}
	return faults
}

func isRespelled(a, b string) bool { return a != b && strings.EqualFold(a, b) }

// compressedTargets looks for SRV and SVCB targets that are compressed, which RFC
// 2782 and RFC 9460, 2.2, forbid.
func compressedTargets(wire []byte) []string {
	counts := [4]int{}
	for i := range counts {
		counts[i] = int(binary.BigEndian.Uint16(wire[4+2*i:]))
	}
	offset := 12
	for range counts[0] {
		_, offset, _ = dns.UnpackDomainName(wire, offset)
		offset += 4
	}
	for range counts[1] + counts[2] + counts[3] {
		_, at, err := dns.UnpackDomainName(wire, offset)
		if err != nil || at+10 > len(wire) {
			return []string{"RFC 1035 4.1: a record can't be read"}
		}
		data := at + 10
		offset = data + int(binary.BigEndian.Uint16(wire[at+8:]))
		fixed := map[uint16]int{dns.TypeSRV: 6, dns.TypeSVCB: 2, dns.TypeHTTPS: 2}[binary.BigEndian.Uint16(wire[at:])]
		if fixed > 0 && isCompressed(wire[data+fixed:offset]) {
			return []string{"RFC 2782, RFC 9460 2.2: targets are not compressed"}
		}
	}
	return nil
}

// isCompressed reports whether the name at the start of some octets ends in a
// pointer.
func isCompressed(name []byte) bool {
	for len(name) > 0 && name[0] != 0 {
		if name[0] >= 0xc0 || int(name[0]) >= len(name) {
			return true
		}
		name = name[1+int(name[0]):]
	}
	return false
}
