package faults_test

import (
	"testing"

	"github.com/miekg/dns"
)

// serial is the serial of the zone's SOA record.
func (r *rig) serial(t *testing.T) uint32 {
	t.Helper()
	m := r.dns.Ask(t, zone, dns.TypeSOA)
	if len(m.Answer) == 1 {
		if soa, ok := m.Answer[0].(*dns.SOA); ok && soa.Serial != 0 {
			return soa.Serial
		}
	}
	t.Fatalf("no SOA with a serial: %s", m)
	return 0
}

// notBefore compares serials as RFC 1982 does: differences up to half of all
// serials are forward.
func notBefore(now, then uint32) bool { return now-then < 1<<31 }
