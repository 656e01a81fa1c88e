package process

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	const text = "4711 (a (b) c) S 42 4711 4711 0 -1 4194560 1234 0 7 0 150 25 3 4 20 0 9 0 12345 1000000 2000 18446744073709551615\n"
	got, err := parseStat(text)
	if want := (stat{parent: 42, cpu: 1750 * time.Millisecond}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, text := range []string{"", "1 (a) S 1 2 3", "1 (a) S x 1 1 0 -1 0 0 0 0 0 1 1 0 0"} {
		if got, err := parseStat(text); err == nil {
			t.Errorf("parseStat(%q): %+v, want an error", text, got)
		}
	}
}

func TestDescendantsCount(t *testing.T) {
	t.Parallel()
	all := table{1: {0, time.Second}, 2: {1, 2 * time.Second}, 3: {2, 4 * time.Second}, 4: {0, 8 * time.Second}}
	if got := all.cpu(1); got != 7*time.Second {
		t.Errorf("got %v, want those of 1, 2 and 3: 7s", got)
	}
}

func TestParseStatus(t *testing.T) {
	t.Parallel()
	const text = "Name:\tcoredns\nVmPeak:\t  900 kB\nVmHWM:\t  300 kB\nVmRSS:\t  200 kB\n"
	got, err := parseStatus(text)
	if want := (Memory{Now: 200 << 10, Peak: 300 << 10}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if got, err := parseStatus("VmRSS:\t200 kB\n"); err == nil {
		t.Errorf("without VmHWM: %+v, want an error", got)
	}
}

func TestParseMachine(t *testing.T) {
	t.Parallel()
	const text = "cpu  100 20 30 400 50 6 7 0 90 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
	got, err := parseMachine(text)
	if want := (Machine{Busy: 1630 * time.Millisecond, All: 6130 * time.Millisecond}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, text := range []string{"", "cpu 1 2 3\n", "cpu 1 2 3 4 5 6 7 x 9\n"} {
		if got, err := parseMachine(text); err == nil {
			t.Errorf("parseMachine(%q): %+v, want an error", text, got)
		}
	}
}

func TestGroupEndsAll(t *testing.T) {
	t.Parallel()
	g, err := NewGroup()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := g.Dir("shell")
	if err != nil {
		t.Fatal(err)
	}
	// The child ignores TERM, and tells its ID.
	p, err := g.Start("shell", dir, "/bin/sh", "-c", `sh -c 'trap "" TERM; echo $$ >child.new; mv child.new child; while :; do sleep 1; done' & wait`)
	if err != nil {
		t.Fatal(err)
	}
	err = p.WaitFor(t.Context(), time.Millisecond, func(context.Context) error {
		_, err := os.Stat(filepath.Join(dir, "child"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.CPU(); err != nil {
		t.Error(err)
	}
	if io, err := p.IO(); err != nil || io.Read == 0 {
		t.Errorf("octets: %+v, %v; the shell has read its libraries", io, err)
	}
	if m, err := p.Memory(); err != nil || m.Now == 0 || m.Peak < m.Now {
		t.Errorf("memory: %+v, %v", m, err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder: %v, want none", err)
	}
}
