package roster

import (
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

var originNames = plugin.Zones{".", "svc.internal.", "a.svc.internal.", "xn--bcher-kva.example."}

func someOrigins(zones plugin.Zones) (*fastOrigins, map[*fastOrigin]string) {
	o, names := new(fastOrigins), map[*fastOrigin]string{}
	for _, zone := range zones {
		f := new(fastOrigin)
		names[f] = zone
		o.set(zone, f)
	}
	return o, names
}

// TestFastpathOrigins: the zone of a query is the longest, whatever its spelling.
func TestFastpathOrigins(t *testing.T) {
	t.Parallel()
	o, names := someOrigins(originNames[1:])
	for name, want := range map[string]string{
		"svc.internal.": "svc.internal.", "b.Svc.INTERNAL.": "svc.internal.", "b.a.svc.internal.": "a.svc.internal.", "a.svc.internal.": "a.svc.internal.",
		"x.XN--bcher-KVA.example.": "xn--bcher-kva.example.", "xsvc.internal.": "", "internal.": "", ".": "",
		strings.Repeat("b.", 120) + "svc.internal.": "svc.internal.",
	} {
		packed, err := query(name + " A").Pack()
		if err != nil {
			t.Fatal(err)
		}
		f, end := o.of(packed)
		if names[f] != want || f != nil && end != len(packed)-4 {
			t.Errorf("%s is in %q and ends at %d, want %q", name, names[f], end, want)
		}
	}
}

// FuzzFastpathOrigins: of any packet that is a query the zone is found, and nothing is
// read that isn't there.
func FuzzFastpathOrigins(f *testing.F) {
	for _, name := range []string{".", "svc.internal.", "B.A.svc.internal.", `\000.svc.internal.`, "x.xn--bcher-kva.example."} {
		packed, err := query(name + " SRV").Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
		f.Add(packed[:len(packed)-5])
	}
	f.Add([]byte("0123456789ab\xc0\x0c\x00\x01\x00\x01"))
	f.Add(append(make([]byte, 12), strings.Repeat("\x3f"+strings.Repeat("a", 63), 5)...))
	o, names := someOrigins(originNames)
	f.Fuzz(func(t *testing.T, packet []byte) {
		got, end := o.of(packet)
		if got != nil && (end > len(packet) || packet[end-1] != 0) {
			t.Fatalf("%x ends at %d", packet, end)
		}
		m := new(dns.Msg)
		if m.Unpack(packet) != nil || len(m.Question) != 1 {
			return
		}
		if want := originNames.Matches(strings.ToLower(m.Question[0].Name)); got != nil && names[got] != want {
			t.Errorf("%q is in %q, want %q", m.Question[0].Name, names[got], want)
		}
	})
}
