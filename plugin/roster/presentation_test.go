package roster

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/snapshot"
)

// restarting is a Corefile with two zones of one replica, which has a snapshot.
const restarting = `svc.internal:0 {
	bind 127.0.0.1
	transfer {
		to *
	}
	roster {
		endpoint %[1]s
		snapshot %[2]s
		startup_timeout 0s
		ns ns1.svc.internal 192.0.2.1
		%[3]s
	}
}
svc.example:0 {
	bind 127.0.0.1
	roster {
		endpoint %[1]s
		snapshot %[2]s
		startup_timeout 0s
		%[4]s
	}
}
`

// TestRestartRaisesSerial: a start from the snapshot with a Corefile that changes records
// of any zone raises the serial, and no other does, so that secondaries learn of it.
func TestRestartRaisesSerial(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	writeShop(t, path, func(*snapshot.Header) {}) // of a version that knows no presentation
	endpoint := closedPort(t)
	serial := uint32(100)
	for _, step := range []struct {
		one, other string
		rises      bool
	}{
		{"", "", false},
		{"", "", false},
		{"ttl 7", "", true},
		{"ttl 7", "", false},
		{"ttl 7\nmax_answers 3\nkeep_last 1m", "keep_last 1m", false},
		{"ttl 7\ndeny_net 10.0.0.0/24", "", true},
		{"ttl 7\ndeny_net 10.0.0.0/24\nns ns2.svc.internal 192.0.2.2", "", true},
		{"ttl 7\ndeny_net 10.0.0.0/24\nns ns2.svc.internal 192.0.2.2", "max_ttl 9", true},
		{"", "", true},
	} {
		t.Run(fmt.Sprintf("%q %q", step.one, step.other), func(t *testing.T) {
			s := startServer(t, fmt.Sprintf(restarting, endpoint, path, step.one, step.other))
			<-s.blocks().acquired[0].Loaded()
			before := serial
			if step.rises {
				serial++
			}
			if got := s.ask(t, "svc.internal. SOA").Answer[0].(*dns.SOA).Serial; got != serial {
				t.Errorf("serial %d, want %d", got, serial)
			}
			if records, err := transferFrom(t, s.address(), "svc.internal.", before); err != nil || step.rises != (len(records) > 10) {
				t.Errorf("%d records, %v", len(records), err)
			}
		})
	}
}
