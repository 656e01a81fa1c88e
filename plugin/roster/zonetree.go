package roster

import "github.com/miekg/dns"

// zoneTree has the zones of a Corefile by the names that they lie within.
type zoneTree struct {
	below map[string][]string
}

// newZoneTree returns the tree of some zones.
func newZoneTree(zones []string) *zoneTree {
	t := &zoneTree{below: map[string][]string{}}
	seen := map[string]bool{}
	for _, z := range zones {
		if seen[z] {
			continue
		}
		seen[z] = true
		for off, end := dns.NextLabel(z, 0); z != "."; off, end = dns.NextLabel(z, off) {
			if end {
				t.below["."] = append(t.below["."], z)
				break
			}
			t.below[z[off:]] = append(t.below[z[off:]], z)
		}
	}
	return t
}
