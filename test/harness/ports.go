package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Ports are taken from below what systems use for outgoing connections (from
// 32768 on Linux, 49152 elsewhere), so that no connection takes the port of a
// server that is about to start or to come back.
const (
	firstPort = 12000
	lastPort  = 32000
)

var ports = struct {
	mu   sync.Mutex
	used map[int]bool
}{used: map[int]bool{}}

// FreePort returns a loopback port that is free for TCP and UDP. It is given out
// once in the life of a test binary.
func FreePort(t testing.TB) int {
	t.Helper()
	ports.mu.Lock()
	defer ports.mu.Unlock()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if !ports.used[port] && free(port) {
			ports.used[port] = true
			return port
		}
	}
	t.Fatal("no free port found")
	return 0
}

// FreeAddr is FreePort as an address on IPv4's loopback.
func FreeAddr(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", FreePort(t))
}

func free(port int) bool {
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	defer udp.Close()
	return true
}
