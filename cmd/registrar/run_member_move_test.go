package main

import (
	"net/netip"
	"strings"
	"testing"
)

// TestRunFollowsAddress is fault 24 for a command that is run.
func TestRunFollowsAddress(t *testing.T) {
	t.Parallel()
	m := &fakeMachine{changes: make(chan struct{}), addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}}
	s := newShop()
	b := newBench(s.open())
	b.app.machine = m.machine()
	ended := make(chan int, 1)
	go func() {
		ended <- b.app.run(t.Context(), []string{"run", "orders", "--port", "80", "--address", "iface:d0", "--drain-delay", "0s", "--", "tail", "-f", "/dev/null"})
	}()
	shows := func(want string) {
		t.Helper()
		eventually(t, "get shows "+want, func() bool {
			code, stdout, _ := newBench(s.open()).run(t, "get", "orders?status=any", "-o", "name")
			return code == exitOK && stdout == want+"\n" || want == "" && code == exitNotFound
		})
	}
	shows("10-0-0-7-80")
	m.set("10.0.0.8")
	shows("10-0-0-8-80")
	m.set()
	shows("")
	m.set("10.0.0.9")
	shows("10-0-0-9-80")
	b.signals <- terminate
	if code := <-ended; code != exitSignal+int(terminate) {
		t.Errorf("exit code %d; it said %s", code, b.stderr.String())
	}
	for _, want := range []string{"the address of this machine changed from 10.0.0.7 to 10.0.0.8", "this machine has no address to register any more"} {
		if !strings.Contains(b.stderr.String(), want) {
			t.Errorf("it said %s, want %q", b.stderr.String(), want)
		}
	}
}
