package process

import (
	"fmt"
	"os"
)

// IO is how many octets a process has read and written by the calls read and write: those
// of files and, in a program written in Go, of TCP connections, but not of UDP.
type IO struct{ Read, Written int64 }

// IO returns what the process has read and written since its start, without its children.
func (p *Process) IO() (IO, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.PID()))
	if err != nil {
		return IO{}, fmt.Errorf("octets of %s: %w", p.name, err)
	}
	var io IO
	if _, err := fmt.Sscanf(string(text), "rchar: %d\nwchar: %d\n", &io.Read, &io.Written); err != nil {
		return IO{}, fmt.Errorf("octets of %s: %w: %q", p.name, err, text)
	}
	return io, nil
}
