package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc: USER_HZ is 100 on all architectures that Go
// has.
const tick = 10 * time.Millisecond

// CPU returns the processor time, user and system, that a process and all its
// descendants have taken.
func (p *Process) CPU() (time.Duration, error) { return CPU(p) }

// CPU returns that of all these processes together.
func CPU(ps ...*Process) (sum time.Duration, err error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	for _, p := range ps {
		if _, ok := all[p.PID()]; !ok {
			return 0, fmt.Errorf("%s has ended; it wrote:\n%s", p.name, p.Output())
		}
		sum += all.cpu(p.PID())
	}
	return sum, nil
}

// stat is what /proc/PID/stat says of a process.
type stat struct {
	parent int
	cpu    time.Duration // user and system
}

// table has all processes of the system.
type table map[int]stat

func processes() (table, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all := table{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if all[pid], err = parseStat(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return all, nil
}

// cpu adds up a process and its descendants.
func (t table) cpu(pid int) time.Duration {
	sum := t[pid].cpu
	for child, s := range t {
		if s.parent == pid {
			sum += t.cpu(child)
		}
	}
	return sum
}

// Fields of /proc/PID/stat after the name, counted from 0 (proc(5) counts from 1, and
// the name is the second).
const (
	statParent = 1
	statUser   = 11
	statSystem = 12
)

// parseStat reads "PID (NAME) STATE PPID …", where NAME can have anything in it.
func parseStat(text string) (stat, error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) <= statSystem {
		return stat{}, fmt.Errorf("has %d fields after the name, and not %d: %q", len(fields), statSystem+1, text)
	}
	parent, err := strconv.Atoi(fields[statParent])
	if err != nil {
		return stat{}, fmt.Errorf("parent: %w", err)
	}
	var ticks int64
	for _, field := range []int{statUser, statSystem} {
		n, err := strconv.ParseInt(fields[field], 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("processor time: %w", err)
		}
		ticks += n
	}
	return stat{parent, time.Duration(ticks) * tick}, nil
}
