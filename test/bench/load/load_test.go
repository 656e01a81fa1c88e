package load

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

var small = Dataset{Services: 3, Each: 10}

func TestRegistryIsValid(t *testing.T) {
	t.Parallel()
	keys := maps.Collect(small.Registry("/bench"))
	if len(keys) != small.Instances() {
		t.Fatalf("%d keys, want %d", len(keys), small.Instances())
	}
	for key, value := range keys {
		if _, err := catalog.DecodeValue(key[strings.LastIndexByte(key, '/')+1:], []byte(value)); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if key := "/bench/web/s00002/9"; keys[key] != Value("10.0.0.29") {
		t.Errorf("%s: %s", key, keys[key])
	}
	if got := maps.Collect(small.SkyDNS("/skydns"))["/skydns/internal/svc/web/s00002/9"]; got != `{"host":"10.0.0.29","port":8080}` {
		t.Errorf("SkyDNS: %s", got)
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	var zone strings.Builder
	if err := small.WriteZone(&zone); err != nil {
		t.Fatal(err)
	}
	parser, found := dns.NewZoneParser(strings.NewReader(zone.String()), "", ""), map[string]int{}
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		found[rr.Header().Name+" "+dns.TypeToString[rr.Header().Rrtype]]++
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"s00002.web.svc.internal. A": 10, "_http._tcp.s00002.web.svc.internal. SRV": 10, small.Host(29) + ". A": 1, "svc.internal. SOA": 1} {
		if found[name] != want {
			t.Errorf("%s: %d records, want %d", name, found[name], want)
		}
	}
}

// TestAnswersFit: ten SRV records fit without EDNS in a registry of any size.
func TestAnswersFit(t *testing.T) {
	t.Parallel()
	d := Dataset{Services: 100_000, Each: 10}
	m := new(dns.Msg)
	m.SetQuestion(Kind{Type: "SRV"}.Name(d.Service(99_999), false)+".", dns.TypeSRV)
	m.Compress = true
	for i := range d.Each {
		m.Answer = append(m.Answer, &dns.SRV{
			Hdr:    dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeSRV, Class: dns.ClassINET},
			Target: d.Host(999_990+i) + ".",
		})
	}
	if got := m.Len(); got > dns.MinMsgSize {
		t.Errorf("%d octets, want at most %d", got, dns.MinMsgSize)
	}
}

func TestQuestions(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]string{
		{Type: "A"}:               "s00001.web.svc.internal A\n",
		{Type: "SRV", EDNS: true}: "_http._tcp.s00001.web.svc.internal SRV\n",
	} {
		var b, again strings.Builder
		if err := small.WriteQuestions(&b, kind, false); err != nil {
			t.Fatal(err)
		}
		if err := small.WriteQuestions(&again, kind, false); err != nil {
			t.Fatal(err)
		}
		lines := slices.Collect(strings.Lines(b.String()))
		if len(lines) != small.Services || !slices.Contains(lines, want) || b.String() != again.String() {
			t.Errorf("%s: %q, want %d lines, %q among them, in the same order each time", kind, lines, small.Services, want)
		}
	}
	if got := (Kind{Type: "SRV"}).Name("s00001", true); got != "s00001.web.svc.internal" {
		t.Errorf("for SkyDNS: %s", got)
	}
}

// TestUnique: no question of a kind comes twice, and each is for the zone.
func TestUnique(t *testing.T) {
	t.Parallel()
	for _, u := range Uniques {
		var text strings.Builder
		for _, first := range []int{0, 1000} {
			if err := small.WriteUnique(&text, u, first, 1000); err != nil {
				t.Fatal(err)
			}
		}
		lines := slices.Sorted(strings.Lines(text.String()))
		if all := len(lines); len(slices.Compact(lines)) != all || all != 2000 {
			t.Errorf("%s: %d lines, of which %d differ", u.Name, all, len(slices.Compact(lines)))
		}
		for _, line := range lines {
			name, rrtype, _ := strings.Cut(strings.TrimSpace(line), " ")
			if _, ok := dns.IsDomainName(name); !ok || !strings.HasSuffix(name, "."+Namespace+"."+Zone) || dns.StringToType[rrtype] == 0 {
				t.Fatalf("%s: %q", u.Name, line)
			}
		}
	}
}
