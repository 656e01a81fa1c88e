package harness

import (
	"fmt"
	"testing"

	"github.com/rosterdns/roster/test/ports"
)

// FreePort returns a loopback port that is free for TCP and UDP. It is given out
// once in the life of a test binary, and by no other one meanwhile.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// FreeAddr is FreePort as an address on IPv4's loopback.
func FreeAddr(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", FreePort(t))
}
