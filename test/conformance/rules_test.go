package conformance

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

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

// opt stands for an OPT record, which has no presentation form.
const opt = "OPT"

// TestRules checks the rules with messages that break each of them.
func TestRules(t *testing.T) {
	t.Parallel()
	sent := new(dns.Msg).SetQuestion("a.example.", dns.TypeSRV)
	for _, tt := range []struct {
		name, rule    string
		answer, extra []string
		change        func(m *dns.Msg)
	}{
		{name: "right", answer: []string{"a.example. 5 SRV 0 1 80 b.example."}, extra: []string{"b.example. 5 A 192.0.2.1", opt}},
		{name: "ID", rule: "RFC 1035 4.1.1", change: func(m *dns.Msg) { m.Id++ }},
		{name: "case of the question", rule: "0x20", change: func(m *dns.Msg) { m.Question[0].Name = "A.example." }},
		{name: "alias last", rule: "glibc", answer: []string{"b.example. 5 A 192.0.2.1", "a.example. 5 CNAME b.example."}},
		{name: "OPT first", rule: "HAProxy 2.6", extra: []string{opt, "b.example. 5 A 192.0.2.1"}},
		{name: "no OPT", rule: "RFC 6891 6.1.1", change: func(m *dns.Msg) { m.Extra = nil }},
		{name: "version", rule: "RFC 6891 6.1.3", change: func(m *dns.Msg) { m.IsEdns0().SetVersion(1) }},
		{name: "DO", rule: "RFC 3225 3", change: func(m *dns.Msg) { m.IsEdns0().SetDo() }},
		{name: "TTLs", rule: "RFC 2181 5.2", answer: []string{"a.example. 5 SRV 0 1 80 b.example.", "a.example. 6 SRV 0 1 80 c.example."}},
		{name: "twice", rule: "RFC 2181 5:", answer: []string{"a.example. 5 SRV 0 1 80 b.example.", "a.example. 5 SRV 0 1 80 b.example."}},
		{name: "weight", rule: "HAProxy: no SRV", answer: []string{"a.example. 5 SRV 0 0 80 b.example."}},
		{name: "spelling", rule: "HAProxy: a target", answer: []string{"a.example. 5 SRV 0 1 80 b.example."}, extra: []string{"B.example. 5 A 192.0.2.1", opt}},
	} {
		sent.SetEdns0(defaultSize, false)
		m := new(dns.Msg).SetReply(sent)
		m.Answer, m.Extra = messageRecords(t, tt.answer), messageRecords(t, tt.extra)
		if tt.extra == nil {
			m.Extra = messageRecords(t, []string{opt})
		}
		if tt.change != nil {
			tt.change(m)
		}
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		faults := strings.Join(rules(sent, answer{m, wire}), "; ")
		if (faults == "") != (tt.rule == "") || !strings.Contains(faults, tt.rule) {
			t.Errorf("%s: %q, want %q", tt.name, faults, tt.rule)
		}
		sent.Extra = nil
	}
	// One record for a.example., whose target is a pointer to that name.
	compressed := []byte{
		0, 0, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0,
		1, 'a', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 33, 0, 1,
		0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 5, 0, 10, 0, 0, 0, 1, 0, 80, 1, 'b', 0xc0, 12,
	}
	if len(compressedTargets(compressed)) == 0 {
		t.Error("a compressed target passes")
	}
}

func messageRecords(t *testing.T, lines []string) []dns.RR {
	t.Helper()
	var out []dns.RR
	for _, line := range lines {
		if line == opt {
			m := new(dns.Msg).SetEdns0(defaultSize, false)
			out = append(out, m.Extra...)
			continue
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rr)
	}
	return out
}
