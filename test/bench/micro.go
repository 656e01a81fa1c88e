package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/tools/benchmark/parse"

	"github.com/rosterdns/roster/test/bench/table"
)

// microRow is a row that a micro-benchmark measures.
type microRow struct {
	table.Row
	pkg, benchmark string
	value          func(*parse.Benchmark) float64
}

func allocs(b *parse.Benchmark) float64 { return float64(b.AllocsPerOp) }
func nanos(b *parse.Benchmark) float64  { return b.NsPerOp }

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
	found := map[string]parse.Set{} // by package and benchmark
	for _, r := range microRows {
		if !m.selected(r.ID) {
			continue
		}
		key := r.pkg + " " + r.benchmark
		if found[key] == nil {
			set, err := m.benchmark(ctx, r.pkg, r.benchmark)
			if err != nil {
				return err
			}
			found[key] = set
		}
		for _, b := range found[key][r.benchmark] {
			m.add(r.ID, r.value(b))
		}
		if len(found[key][r.benchmark]) == 0 {
			m.lacks(r.ID, "not built")
		}
	}
	return nil
}

// benchmark runs a benchmark of the source tree, once for each round.
func (b *bench) benchmark(ctx context.Context, pkg, name string) (parse.Set, error) {
	pattern := "^" + strings.ReplaceAll(name, "/", "$/^") + "$"
	cmd := exec.CommandContext(ctx, "go", "test", "-run=^$", "-bench="+pattern, "-benchmem", "-cpu=1", "-count="+strconv.Itoa(b.rounds), pkg)
	cmd.Dir = b.source
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // the test that go runs, too
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", cmd, errors.Join(err, ctx.Err()), out, stderr.Bytes())
	}
	return parse.ParseSet(bytes.NewReader(out))
}
