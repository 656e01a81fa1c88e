// Package ports finds ports for servers that tests and benchmarks start.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports are taken from below what systems use for outgoing connections (from
// 32768 on Linux, 49152 elsewhere), so that no connection takes the port of a
// server that is about to start or to come back.
const (
	firstPort = 12000
	lastPort  = 32000
)

// portBlock is how many ports a test binary takes at once: most need some hundreds, and
// there are enough blocks for as many packages as a large machine tests at once.
const portBlock = 250

var ports allocator

// allocator gives out ports of blocks that are this process's own: a port that is free
// may be that of a server that another test binary is about to start. A block is held by
// listening on its first port, until the process ends. The zero value holds none. It is
// safe for concurrent use.
type allocator struct {
	mu     sync.Mutex
	blocks []net.Listener
	next   int // port
	beyond int // the end of the block
}

// port returns one that was not returned before, or 0 if there is none.
func (a *allocator) port() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.next < a.beyond || a.claim() {
		a.next++
		if free(a.next - 1) {
			return a.next - 1
		}
	}
	return 0
}

// claim takes a block that no other process has, and reports false if there is none.
func (a *allocator) claim() bool {
	const blocks = (lastPort - firstPort) / portBlock
	for _, n := range rand.Perm(blocks) {
		first := firstPort + n*portBlock
		if l, err := net.Listen("tcp", loopback(first)); err == nil {
			a.blocks = append(a.blocks, l) // else the garbage collector closes it
			a.next, a.beyond = first+1, first+portBlock
			return true
		}
	}
	return false
}

// Free returns a loopback port that is free for TCP and UDP. It is given out once in the
// life of a process, and by no other one meanwhile. Safe for concurrent use.
func Free() (int, error) {
	port := ports.port()
	if port == 0 {
		return 0, fmt.Errorf("no port from %d to %d is free", firstPort, lastPort)
	}
	return port, nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func free(port int) bool {
	tcp, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", loopback(port))
	if err != nil {
		return false
	}
	defer udp.Close()
	return true
}
