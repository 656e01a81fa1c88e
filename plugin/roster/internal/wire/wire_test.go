package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func name(tb testing.TB, s string) []byte {
	tb.Helper()
	b, ok := AppendName(nil, s)
	if !ok {
		tb.Fatalf("%q is no name", s)
	}
	return b
}

func asked(tb testing.TB, s string) *Query {
	tb.Helper()
	b, ok := AppendQuestion(nil, s, 33)
	if !ok {
		tb.Fatalf("%q is no name", s)
	}
	return &Query{ID: 0x1234, RD: true, Question: b}
}

// srv returns an SRV record whose target has an A record.
func srv(tb testing.TB, target string, address byte) Record {
	tb.Helper()
	return Record{
		Type: 33, TTL: 5, Data: append([]byte{0, 1, 0, 7, 0, 80}, name(tb, target)...), Target: 6,
		Glue: []Record{{Type: 1, TTL: 6, Data: []byte{10, 0, 0, address}}},
	}
}

// section is a record of a message as it is read back.
type section struct {
	owner, data string
	rrtype      uint16
}

// read returns the counts in a message and its records.
func read(tb testing.TB, m []byte) (counts [4]int, records []section) {
	tb.Helper()
	for i := range counts {
		counts[i] = int(binary.BigEndian.Uint16(m[4+2*i:]))
	}
	_, at := expand(tb, m, headerSize)
	at += 4
	for range counts[1] + counts[2] + counts[3] {
		owner, next := expand(tb, m, at)
		size := int(binary.BigEndian.Uint16(m[next+8:]))
		data := m[next+10:][:size]
		s := section{owner, fmt.Sprint(data), binary.BigEndian.Uint16(m[next:])}
		if s.rrtype == 33 {
			target, end := expand(tb, m, next+16)
			if end != next+10+size {
				tb.Fatalf("the target %q ends at %d of %d octets", target, end-next-10, size)
			}
			s.data = fmt.Sprint(data[:6]) + " " + target
		}
		records = append(records, s)
		at = next + 10 + size
	}
	if at != len(m) {
		tb.Fatalf("the message has %d octets, its records end at %d", len(m), at)
	}
	return counts, records
}

// expand returns the name at an offset, and where it ends.
func expand(tb testing.TB, m []byte, at int) (s string, end int) {
	tb.Helper()
	for range MaxName {
		switch c := int(m[at]); {
		case c == 0:
			return s + ".", max(end, at+1)
		case c >= 0xc0:
			if end == 0 {
				end = at + 2
			}
			to := int(binary.BigEndian.Uint16(m[at:]) & maxPointer)
			if to >= at {
				tb.Fatalf("a pointer at %d leads to %d", at, to)
			}
			at = to
		default:
			if s += string(m[at+1 : at+1+c]); m[at+1+c] != 0 {
				s += "."
			}
			at += 1 + c
		}
	}
	tb.Fatal("a name without an end")
	return "", 0
}

func order(n int) []uint32 {
	places := make([]uint32, n)
	for i := range places {
		places[i] = uint32(n - 1 - i)
	}
	return places
}

// TestAppendOctets compares a message with one that was written by hand.
func TestAppendOctets(t *testing.T) {
	t.Parallel()
	p := Pack([]Record{{Type: 1, TTL: 5, Data: []byte{10, 0, 0, 1}}, {Type: 1, TTL: 5, Data: []byte{10, 0, 0, 2}}})
	q, ok := AppendQuestion(nil, "S.n.", 1)
	if !ok {
		t.Fatal("no question")
	}
	got := p.Append([]byte("x"), &Query{ID: 0x1234, RD: true, Question: q, EDNS: true, UDPSize: 4096, DO: true}, []uint32{1, 0},
		&Reply{Size: 512, Datagram: true, UDPSize: 1232, Options: []byte{0, 15, 0, 2, 0, 3}, Sampled: 2})
	want := []byte("x\x12\x34\x85\x00\x00\x01\x00\x02\x00\x00\x00\x01" + "\x01S\x01n\x00\x00\x01\x00\x01" +
		"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x0a\x00\x00\x02" + "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x0a\x00\x00\x01" +
		"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x06\x00\x0f\x00\x02\x00\x03")
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

// TestAppendGlue checks sizes of all kinds: answers are whole, glue goes first, and that
// of a target is whole.
func TestAppendGlue(t *testing.T) {
	t.Parallel()
	a := srv(t, "a.s.n.z.", 1)
	a.Glue = append(a.Glue, Record{Type: 28, TTL: 6, Data: bytes.Repeat([]byte{9}, 16)})
	twice, b, host := srv(t, "a.s.n.z.", 1), srv(t, "b.s.n.z.", 2), srv(t, "host.example.", 0)
	twice.Data[5], host.Glue = 81, nil
	twice.Glue = a.Glue
	p := Pack([]Record{a, twice, b, host})
	q := asked(t, "_http._tcp.S.n.z.")
	whole := p.Append(nil, q, order(4), &Reply{Size: 512, Sampled: 4})
	counts, records := read(t, whole)
	if counts != [4]int{1, 4, 0, 3} {
		t.Fatalf("counts %v", counts)
	}
	var glue []string
	for _, r := range records[4:] {
		glue = append(glue, fmt.Sprint(r.owner, r.rrtype))
	}
	if want := []string{"b.s.n.z.1", "a.s.n.z.1", "a.s.n.z.28"}; !slices.Equal(glue, want) {
		t.Errorf("glue %q, want %q", glue, want)
	}
	if records[0].owner != "_http._tcp.S.n.z." || records[0].data != "[0 1 0 7 0 80] host.example." {
		t.Errorf("first record %v", records[0])
	}
	for size := len(whole); size > headerSize+len(q.Question); size-- {
		m := p.Append(nil, q, order(4), &Reply{Size: size, Datagram: true, Sampled: 4})
		counts, _ := read(t, m)
		missing := counts[1] < 4
		if len(m) > size || m[2]&(bitTC>>8) != 0 != missing || missing && counts[3] > 0 || counts[3] == 2 {
			t.Errorf("size %d: %d octets, counts %v, TC %v", size, len(m), counts, m[2])
		}
	}
}

// TestAppendFar: beyond what pointers reach, glue has the names of its targets all the
// same.
func TestAppendFar(t *testing.T) {
	t.Parallel()
	for _, below := range []string{".s.n.z.", "." + strings.Repeat("long.", 20) + "z."} {
		var records []Record
		for i := range 500 {
			records = append(records, srv(t, fmt.Sprintf("i%d%s", i, below), byte(i)))
		}
		p := Pack(records)
		m := p.Append(nil, asked(t, "s.n.z."), order(500), &Reply{Size: 1<<16 - 1, Sampled: 500})
		counts, got := read(t, m)
		if counts[1] != 500 || len(m) < maxPointer+4096 {
			t.Fatalf("counts %v, %d octets", counts, len(m))
		}
		for i, r := range got[500:] {
			if want := fmt.Sprintf("i%d%s", 499-i, below); r.owner != want {
				t.Fatalf("glue %d is of %q, want %q", i, r.owner, want)
			}
		}
	}
}

// TestSampled: records of a sample have equal weights.
func TestSampled(t *testing.T) {
	t.Parallel()
	p := Pack([]Record{srv(t, "a.z.", 1), srv(t, "b.z.", 2)})
	_, records := read(t, p.Append(nil, asked(t, "z."), []uint32{0, 1}, &Reply{Size: 512, Sampled: 1}))
	if records[0].data != "[0 1 0 7 0 80] a.z." || records[1].data != "[0 1 0 100 0 80] b.z." {
		t.Errorf("%v", records)
	}
	if _, records := read(t, p.Append(nil, asked(t, "z."), []uint32{1}, &Reply{Size: 512, Sampled: 1})); records[0].data != "[0 1 0 7 0 80] b.z." {
		t.Errorf("the sample before has changed the set: %v", records)
	}
}

// TestNegative checks the SOA record of zones and questions of all spellings.
func TestNegative(t *testing.T) {
	t.Parallel()
	eight := strings.Repeat("x", '0') // a label whose length is a letter's octet
	for _, tt := range []struct{ zone, question, server string }{
		{"svc.internal.", "a.b.svc.internal.", "ns.dns.svc.internal."},
		{"svc.internal.", "a.b.SVC.internal.", "ns.dns.svc.internal."},
		{"svc.internal.", "a.svc.internal.", "ns.example."},
		{".", "a.b.", "ns.dns."},
		{eight + ".", "a." + eight + ".", "n0" + eight + "."},
	} {
		contact := "hostmaster."
		if tt.zone != "." {
			contact += tt.zone
		}
		data := slices.Concat(name(t, tt.server), name(t, contact), bytes.Repeat([]byte{1}, soaNumbers))
		n := NewNegative(tt.zone, 5, data)
		q := asked(t, tt.question)
		m, ok := n.Append(nil, q, 7, &Reply{Size: 512})
		counts, records := read(t, m)
		if !ok || counts != [4]int{1, 0, 1, 0} || records[0].owner != tt.zone || records[0].rrtype != typeSOA {
			t.Fatalf("%+v: %v, %v", tt, counts, records)
		}
		at := len(m) - soaNumbers
		if serial := binary.BigEndian.Uint32(m[at:]); serial != 7 || !bytes.Equal(m[at+4:], data[len(data)-soaNumbers+4:]) {
			t.Errorf("%+v: serial %d, numbers %v", tt, serial, m[at:])
		}
		_, owner := expand(t, m, headerSize+len(q.Question))
		server, next := expand(t, m, owner+10)
		if who, end := expand(t, m, next); server != tt.server || who != contact || end != at {
			t.Errorf("%+v: names %q and %q", tt, server, who)
		}
		if _, ok := n.Append(nil, q, 7, &Reply{Size: len(m) - 1}); ok {
			t.Errorf("%+v: fits in an octet less", tt)
		}
	}
}

// TestNames checks which names there are in both forms.
func TestNames(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("x", maxLabel)
	long := strings.Repeat(label+".", 3) + strings.Repeat("y", 61) + "."
	for s, want := range map[string]bool{
		".": true, "a.": true, "_http._tcp.A-1.z.": true, label + ".": true, long: true,
		"": false, "a": false, "..": false, ".a.": false, "a..b.": false, `a\.b.`: false, label + "x.": false, "y" + long: false,
	} {
		b, ok := AppendName([]byte("before"), s)
		if ok != want {
			t.Errorf("%q: %v, want %v", s, ok, want)
		}
		if !ok {
			continue
		}
		if n := plainName(b[len("before"):]); n != len(b)-len("before") {
			t.Errorf("%q has %d octets, of which a name are %d", s, len(b)-len("before"), n)
		}
		Lower(b[len("before"):])
		if got, ok := AppendText(nil, b[len("before"):]); !ok || string(got) != strings.ToLower(s) {
			t.Errorf("%q in lower case is %q, %v", s, got, ok)
		}
	}
	for _, octets := range []string{"\x03a.b\x00", "\x03a b\x00", "\x02\xc3\xa9\x00", "\x01\\\x00", "\x01\x00\x00", "\x01A\x00"} {
		if got, ok := AppendText(nil, []byte(octets)); ok {
			t.Errorf("%q is %q", octets, got)
		}
	}
	for _, octets := range []string{"", "\x01", "\x01a", "\x40" + strings.Repeat("a", 64) + "\x00", "\xc0\x0c", strings.Repeat("\x01a", 128) + "\x00"} {
		if n := plainName([]byte(octets)); n != 0 {
			t.Errorf("%q is a name of %d octets", octets, n)
		}
	}
}

// TestAppendAllocatesNothing: a message of which the buffer has room costs no memory.
func TestAppendAllocatesNothing(t *testing.T) { // not parallel: it counts the process's allocations
	p := Pack([]Record{srv(t, "a.s.n.z.", 1), srv(t, "b.s.n.z.", 2)})
	q, places, buf := asked(t, "s.n.z."), order(2), make([]byte, 0, 512)
	reply := &Reply{Size: 512, Sampled: 2} // which is used again
	if allocs := testing.AllocsPerRun(100, func() { p.Append(buf, q, places, reply) }); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
