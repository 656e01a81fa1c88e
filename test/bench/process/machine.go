package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Processor is the processor's model; "unknown" on architectures that don't name it.
func Processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// LoadAverage is that of the last minute.
func LoadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}

// Machine is the time of all processors together, since the machine has started.
type Machine struct{ Busy, All time.Duration }

// MachineTimes returns what the processors have done so far.
func MachineTimes() (Machine, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Machine{}, err
	}
	m, err := parseMachine(string(text))
	if err != nil {
		return Machine{}, fmt.Errorf("/proc/stat: %w", err)
	}
	return m, nil
}

// Fields of the first line of /proc/stat after "cpu". Those from the first guest's on are
// in the others already.
const (
	machineIdle  = 3
	machineWaits = 4 // for a disk
	machineGuest = 8
)

// parseMachine reads "cpu  USER NICE SYSTEM IDLE IOWAIT …".
func parseMachine(text string) (m Machine, err error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) <= machineGuest || fields[0] != "cpu" {
		return Machine{}, fmt.Errorf("begins with %q", line)
	}
	for i, field := range fields[1 : machineGuest+1] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return Machine{}, fmt.Errorf("processor time: %w", err)
		}
		m.All += time.Duration(n) * tick
		if i != machineIdle && i != machineWaits {
			m.Busy += time.Duration(n) * tick
		}
	}
	return m, nil
}
