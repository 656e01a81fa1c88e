package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is the resident memory of a process, in bytes.
type Memory struct {
	Now, Peak int64
}

// Memory returns the resident memory of the process, without its children.
func (p *Process) Memory() (Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return Memory{}, fmt.Errorf("memory of %s: %w", p.name, err)
	}
	m, err := parseStatus(string(text))
	if err != nil {
		return Memory{}, fmt.Errorf("memory of %s: %w", p.name, err)
	}
	return m, nil
}

// parseStatus reads the lines "VmRSS: N kB" and "VmHWM: N kB" of /proc/PID/status.
func parseStatus(text string) (m Memory, err error) {
	for name, into := range map[string]*int64{"VmRSS": &m.Now, "VmHWM": &m.Peak} {
		_, rest, found := strings.Cut(text, name+":")
		line, _, _ := strings.Cut(rest, "\n")
		number, unit, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !found || unit != "kB" {
			return Memory{}, fmt.Errorf("no line %q in kB", name)
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return Memory{}, fmt.Errorf("%s: %w", name, err)
		}
		*into = n << 10
	}
	return m, nil
}
