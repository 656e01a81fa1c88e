package ports

import "testing"

// TestPortsOfSeveralProcesses: what is given out in one process is given out in no other,
// used or not, and blocks follow one another.
func TestPortsOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	const each = portBlock + 10
	given := map[int]bool{}
	for range 3 {
		var process allocator
		t.Cleanup(func() {
			for _, l := range process.blocks {
				_ = l.Close()
			}
		})
		for range each {
			port := process.port()
			if port < firstPort || port >= lastPort || given[port] {
				t.Fatalf("port %d was given out again, or is none of %d to %d", port, firstPort, lastPort)
			}
			given[port] = true
		}
	}
}
