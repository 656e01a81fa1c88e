package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/tools/benchmark/parse"

	"github.com/rosterdns/roster/test/bench/table"
)

// microRow is a row that a micro-benchmark measures.
type microRow struct {
	table.Row
	pkg, benchmark string
	value          func(microResult) float64
}

// microResult is what a run of a micro-benchmark comes to.
type microResult struct {
	*parse.Benchmark
	cpu time.Duration // of its process
}

func allocs(r microResult) float64 { return float64(r.AllocsPerOp) }

// nanos is processor time, so that it doesn't count what other programs take. It is for
// benchmarks with one loop of b.Loop, which runs N times in all.
func nanos(r microResult) float64 { return float64(r.cpu.Nanoseconds()) / float64(r.N) }

// microRows are the rows, each with the benchmark that measures it, as it is printed
// without the number of processors.
var microRows = []microRow{
	{table.Row{ID: "allocs/chain/A", What: "allocations on a hit in the chain, A", Unit: "a query", Bar: table.AtMost(0)}, "./plugin/roster", "BenchmarkHit/A/edns=true/10", allocs},
	{table.Row{ID: "allocs/chain/SRV", What: "allocations on a hit in the chain, SRV", Unit: "a query", Bar: table.AtMost(0)}, "./plugin/roster", "BenchmarkHit/SRV/edns=true/10", allocs},
	{table.Row{ID: "allocs/fastpath/A", What: "allocations on a hit on the fast path, A", Unit: "a query", Bar: table.AtMost(0)}, "./plugin/roster", "BenchmarkFastpath/A/edns=true/prometheus=true", allocs},
	{table.Row{ID: "allocs/fastpath/SRV", What: "allocations on a hit on the fast path, SRV", Unit: "a query", Bar: table.AtMost(0)}, "./plugin/roster", "BenchmarkFastpath/SRV/edns=true/prometheus=true", allocs},
	{table.Row{ID: "getservice/time", What: "GetService, hit", Unit: "ns", Bar: table.AtMost(50)}, "./registrar/internal/reader", "BenchmarkGetService", nanos},
	{table.Row{ID: "getservice/allocs", What: "allocations of GetService, hit", Unit: "a call", Bar: table.AtMost(0)}, "./registrar/internal/reader", "BenchmarkGetService", allocs},
}

// micro runs the micro-benchmarks beside the code.
func micro() experiment {
	e := experiment{name: "micro", run: runMicro}
	for _, r := range microRows {
		e.rows = append(e.rows, r.Row)
	}
	return e
}

func runMicro(ctx context.Context, m *measurement) error {
	dir, err := m.kit.Group.Dir("micro")
	if err != nil {
		return err
	}
	found := map[string][]microResult{} // by package and benchmark
	for _, r := range microRows {
		if !m.selected(r.ID) {
			continue
		}
		key := r.pkg + " " + r.benchmark
		if found[key] == nil {
			if found[key], err = m.benchmark(ctx, r.pkg, r.benchmark, filepath.Join(dir, filepath.Base(r.pkg)+".test")); err != nil {
				return err
			}
		}
		for _, result := range found[key] {
			m.add(r.ID, r.value(result))
		}
		if len(found[key]) == 0 {
			m.lacks(r.ID, "not built")
		}
	}
	return nil
}

// benchmark runs a benchmark of the source tree, once for each round, by a program that it
// builds unless that is there.
func (b *bench) benchmark(ctx context.Context, pkg, name, program string) (results []microResult, err error) {
	if _, err := os.Stat(program); err != nil {
		if _, _, err := b.command(ctx, b.source, "go", "test", "-c", "-o", program, pkg); err != nil {
			return nil, err
		}
	}
	pattern := "^" + strings.ReplaceAll(name, "/", "$/^") + "$"
	for range b.rounds {
		out, cpu, err := b.command(ctx, filepath.Join(b.source, pkg), program, "-test.run=^$", "-test.bench="+pattern, "-test.benchmem", "-test.cpu=1")
		if err != nil {
			return nil, err
		}
		set, err := parse.ParseSet(bytes.NewReader(out))
		if err != nil {
			return nil, err
		}
		for _, line := range set[name] {
			results = append(results, microResult{line, cpu})
		}
	}
	return results, nil
}

// command runs a program in a folder, and returns what it writes, and its processor time.
func (b *bench) command(ctx context.Context, dir, name string, args ...string) (out []byte, cpu time.Duration, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // what it runs, too
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if out, err = cmd.Output(); err != nil {
		return nil, 0, fmt.Errorf("%s: %w\n%s%s", cmd, errors.Join(err, ctx.Err()), out, stderr.Bytes())
	}
	return out, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}
