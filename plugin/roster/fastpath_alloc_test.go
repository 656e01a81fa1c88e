//go:build linux && !race

package roster

import (
	"testing"

	"github.com/miekg/dns"
)

// TestFastpathAllocatesNothing: an answer takes no memory of its own. (With the race
// detector a sync.Pool drops what it is given.)
func TestFastpathAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, dns.DefaultMsgSize)
	for _, counted := range []bool{false, true} {
		f := answering(t, many(10), counted)
		for _, question := range []string{manyA, manySRV} {
			for _, edns := range []bool{false, true} {
				p := hotPacket(t, f, buf, question, edns)
				if n := testing.AllocsPerRun(1_000, func() { f.Answer(p, buf) }); n != 0 {
					t.Errorf("%s, EDNS %v, counted %v: %v allocations", question, edns, counted, n)
				}
			}
		}
	}
}
