package roster

import (
	"fmt"
	"testing"
)

// TestFastpathAllowed: these need not see what the fast path answers, or don't come
// before it.
func TestFastpathAllowed(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	port := freePort(t)
	s := startServer(t, fmt.Sprintf(`.:%[1]s example.net:%[1]s {
	bind 127.0.0.1
	any
	bufsize 1232
	cache
	cancel
	chaos
	errors
	metadata
	prometheus %[3]s
	transfer {
		to *
	}
	roster svc.internal {
		endpoint %[2]s
		ns ns1.example.org
		fastpath
	}
	whoami
}
example.org:%[1]s {
	bind 127.0.0.1
	log
	loadbalance
	template IN A {
		rcode NXDOMAIN
	}
}
`, port, endpoint, freeAddress(t)))
	if got := s.ask(t, "orders.default.svc.internal. A"); len(got.Answer) == 0 {
		t.Errorf("got %v", got)
	}
	answered, _ := packets("dns://127.0.0.1:" + port)
	if answered != 1 {
		t.Errorf("%v answered on the fast path", answered)
	}
}
