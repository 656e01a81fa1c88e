package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/registrar"
)

// FuzzLookup makes a lookup of responses in wire form, each with its length in two octets
// before it, whatever is asked: what comes out is valid, or an error.
func FuzzLookup(f *testing.F) {
	n, err := registrar.ParseName("orders", registrar.DefaultNamespace)
	if err != nil {
		f.Fatal(err)
	}
	q, err := newQuery(n, testZone)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, responses []byte) {
		r := &resolver{ask: (&recording{rest: responses}).ask, zone: testZone, metadata: true}
		found, err := r.resolve(t.Context(), q)
		if err != nil {
			return
		}
		if found.ttl < 0 || found.ttl > longestTTL {
			t.Errorf("it is to be used for %v", found.ttl)
		}
		for i, in := range found.instances {
			if err := in.Validate(); err != nil {
				t.Errorf("instance %s: %v", shown(in), err)
			}
			if i > 0 && strings.Compare(found.instances[i-1].ID, in.ID) >= 0 {
				t.Errorf("%q comes after %q", in.ID, found.instances[i-1].ID)
			}
		}
	})
}

// recording answers with responses, one after the other.
type recording struct {
	mu   sync.Mutex
	rest []byte
}

var errEnd = errors.New("no more responses")

func (r *recording) ask(_ context.Context, name string, qtype uint16) (answer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rest) < 2 {
		return answer{}, errEnd
	}
	size := min(int(binary.BigEndian.Uint16(r.rest)), len(r.rest)-2)
	wire := r.rest[2 : 2+size]
	r.rest = r.rest[2+size:]
	m := new(dns.Msg)
	if err := m.Unpack(wire); err != nil {
		return answer{}, err
	}
	q := dns.Question{Name: name, Qtype: qtype, Qclass: dns.ClassINET}
	if len(m.Question) == 1 && m.Question[0].Name == "." {
		m.Question[0] = q // so that what is answered doesn't depend on the order of questions
	}
	return read(q, m)
}
