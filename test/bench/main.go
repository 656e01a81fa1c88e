// Command bench compares Roster with other DNS servers on the same machine, row by row
// of docs/benchmarks.md, and prints the table. Run it by "make bench", which builds and
// installs what it starts.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/rosterdns/roster/test/bench/drive"
	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/process"
	"github.com/rosterdns/roster/test/bench/table"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// experiments are all there are, in the order of the table.
func experiments() []experiment {
	return []experiment{answers(), scale(), latency(), list(), queried(), unique(), changes(), hot(), register(), requests(), micro()}
}

// flags are the command line.
type flags struct {
	options
	programs peers.Programs
	dnsperf  string
	rows     string
	out      string
	list     bool
}

func parseFlags(args []string, stderr io.Writer) (flags, error) {
	var f flags
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.IntVar(&f.rounds, "rounds", 5, "how often everything is measured")
	fs.IntVar(&f.instances, "instances", 1_000_000, "instances of the large registry; the small one has at most 10,000")
	fs.DurationVar(&f.duration, "duration", 5*time.Second, "how long a server is asked each time, in whole seconds")
	fs.StringVar(&f.rows, "rows", "", "regular expression for the IDs of the rows to measure")
	fs.BoolVar(&f.list, "list", false, "list the rows, and measure nothing")
	fs.StringVar(&f.out, "out", "", "file with the table between two marker lines, in which it is replaced")
	fs.StringVar(&f.source, "source", "..", "folder of the source tree, for micro-benchmarks")
	fs.StringVar(&f.programs.Roster, "roster", "../bin/coredns", "CoreDNS with Roster")
	fs.StringVar(&f.programs.Stock, "stock", "../bin/bench/coredns", "CoreDNS as it comes")
	fs.StringVar(&f.programs.Etcd, "etcd", "../bin/bench/etcd", "etcd")
	fs.StringVar(&f.programs.Knot, "knot", "knotd", "Knot DNS")
	fs.StringVar(&f.programs.NSD, "nsd", "nsd", "NSD")
	fs.StringVar(&f.dnsperf, "dnsperf", "dnsperf", `dnsperf; "none" for a slow sender without it`)
	if err := fs.Parse(args); err != nil {
		return f, err
	}
	var err error
	if f.only, err = regexp.Compile(f.rows); err != nil {
		return f, fmt.Errorf("-rows: %w", err)
	}
	if fs.NArg() > 0 || f.rounds < 1 || f.instances < each || f.duration < time.Second {
		return f, fmt.Errorf("wants no arguments, at least 1 round, %d instances and 1s", each)
	}
	return f, nil
}

// run measures what the flags say, and writes the table of what was measured even if
// something failed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	if f.list {
		listRows(stdout)
		return nil
	}
	b, err := f.bench(stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	var (
		conditions = f.conditions()
		results    []table.Result
		errs       []error
	)
	for _, e := range experiments() {
		if ctx.Err() != nil {
			break // the error of the one that it ended is there
		}
		measured, err := b.measure(ctx, e)
		if err != nil {
			b.progress("failed: %v", err)
			errs = append(errs, err)
		}
		results = append(results, measured...)
	}
	return errors.Join(append(errs, f.write(stdout, conditions, results))...)
}

func listRows(w io.Writer) {
	for _, e := range experiments() {
		for _, r := range e.rows {
			if r.Bar != nil {
				fmt.Fprintf(w, "%s\t%s\n", r.ID, r.What)
			}
		}
	}
}

// bench resolves the programs, so that what is absent is named before anything runs.
func (f *flags) bench(stderr io.Writer) (*bench, error) {
	group, err := process.NewGroup()
	if err != nil {
		return nil, err
	}
	b := &bench{options: f.options, kit: peers.Kit{Programs: f.programs, Group: group}, stderr: stderr, registries: map[load.Dataset]*registry{}}
	programs := []*string{&b.kit.Programs.Roster, &b.kit.Programs.Stock, &b.kit.Programs.Etcd, &b.kit.Programs.Knot, &b.kit.Programs.NSD}
	b.driver = drive.Sender{}
	if f.dnsperf != "none" {
		programs = append(programs, &f.dnsperf)
	}
	for _, path := range programs {
		if *path, err = find(*path); err != nil {
			return nil, errors.Join(fmt.Errorf("%w; \"make bench\" builds and installs all programs", err), group.Close())
		}
	}
	if f.dnsperf != "none" {
		dir, err := group.Dir("dnsperf")
		if err != nil {
			return nil, errors.Join(err, group.Close())
		}
		b.driver = drive.Dnsperf{Path: f.dnsperf, Dir: dir}
	}
	return b, nil
}

// write prints the conditions and the tables, and puts them into the document if there is one.
func (f *flags) write(stdout io.Writer, conditions string, results []table.Result) error {
	text := bytes.NewBufferString(conditions + "\n\n")
	if err := table.Markdown(text, results); err != nil {
		return err
	}
	if _, err := stdout.Write(text.Bytes()); err != nil || f.out == "" {
		return err
	}
	document, err := os.ReadFile(f.out)
	if err != nil {
		return err
	}
	filled, err := table.Insert(string(document), text.String())
	if err != nil {
		return fmt.Errorf("%s: %w", f.out, err)
	}
	return os.WriteFile(f.out, []byte(filled), 0o644)
}
