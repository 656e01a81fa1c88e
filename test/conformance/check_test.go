package conformance

import (
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
