// Command scale measures what many servers, many instances and many changes take, and how
// far layouts beyond one etcd reach, and fits a cost model to it: docs/scale.md. Run it by
// "make scale", which builds and installs what it starts.
package main

import (
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

	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/process"
	"github.com/rosterdns/roster/test/bench/table"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// options say what is measured.
type options struct {
	servers   int
	changes   int // a second
	instances int
	duration  time.Duration
	only      *regexp.Regexp // the IDs of rows
}

// flags are the command line.
type flags struct {
	options
	programs peers.Programs
	results  string
	out      string
	list     bool
}

func parseFlags(args []string, stderr io.Writer) (flags, error) {
	var (
		f    flags
		rows string
	)
	fs := flag.NewFlagSet("scale", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.IntVar(&f.servers, "servers", 50, "servers at most")
	fs.IntVar(&f.changes, "changes", 1000, "changes a second at most")
	fs.IntVar(&f.instances, "instances", 1_000_000, "instances of the largest registry; what changes has a hundredth")
	fs.DurationVar(&f.duration, "duration", 5*time.Second, "how long each value is measured")
	fs.StringVar(&rows, "rows", "", "regular expression for the IDs of the rows to measure")
	fs.BoolVar(&f.list, "list", false, "list the rows, and measure nothing")
	fs.StringVar(&f.results, "results", "", "file that results are added to, so that a later run has those of earlier ones")
	fs.StringVar(&f.out, "out", "", "file with the tables between two marker lines, in which they are replaced")
	fs.StringVar(&f.programs.Roster, "roster", "../bin/coredns", "CoreDNS with Roster")
	fs.StringVar(&f.programs.Etcd, "etcd", "../bin/bench/etcd", "etcd")
	fs.StringVar(&f.programs.Knot, "knot", "knotd", "Knot DNS")
	fs.StringVar(&f.programs.NSD, "nsd", "nsd", "NSD")
	if err := fs.Parse(args); err != nil {
		return f, err
	}
	var err error
	if f.only, err = regexp.Compile(rows); err != nil {
		return f, fmt.Errorf("-rows: %w", err)
	}
	if fs.NArg() > 0 || f.servers < 2 || f.changes < 10 || f.instances < minInstances || f.duration < time.Second {
		return f, fmt.Errorf("wants no arguments, at least 2 servers, 10 changes, %d instances and 1s", minInstances)
	}
	return f, nil
}

// run measures what the flags say, and writes the tables of what was measured even if
// something failed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	if f.list {
		f.listRows(stdout)
		return nil
	}
	measured, err := readResults(f.results)
	if err != nil {
		return err
	}
	if err := f.findPrograms(); err != nil {
		return fmt.Errorf("%w; \"make scale\" builds and installs all programs", err)
	}
	group, err := process.NewGroup()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, group.Close()) }()
	b := &bench{options: f.options, kit: peers.Kit{Programs: f.programs, Group: group}, stderr: stderr}
	var errs []error
	for _, s := range f.scenarios() {
		if ctx.Err() != nil {
			break // the error of the one that it ended is there
		}
		if err := b.measure(ctx, s, measured); err != nil {
			b.progress("failed: %v", err)
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, measured.write(f.results), f.print(stdout, measured))...)
}

func (f *flags) listRows(w io.Writer) {
	for _, s := range f.scenarios() {
		for _, r := range s.rows {
			fmt.Fprintln(w, r.ID)
		}
	}
}

// findPrograms resolves the programs that are needed, so that what is absent is named before
// anything runs.
func (f *flags) findPrograms() (err error) {
	programs := []*string{&f.programs.Roster, &f.programs.Etcd}
	for _, s := range f.scenarios() {
		if s.programs != nil && len(f.selected(s)) > 0 {
			programs = append(programs, s.programs(f)...)
		}
	}
	for _, path := range programs {
		if *path, err = process.Find(*path); err != nil {
			return err
		}
	}
	return nil
}

// The lines of a document between which the tables stand.
const (
	begin = "<!-- make scale: begin -->\n"
	end   = "<!-- make scale: end -->\n"
)

// print prints the tables, and puts them into the document if there is one.
func (f *flags) print(stdout io.Writer, measured results) error {
	text := f.conditions() + "\n\n" + tables(f.scenarios(), measured) + newModel(&f.options, measured).String()
	if _, err := io.WriteString(stdout, text); err != nil || f.out == "" {
		return err
	}
	document, err := os.ReadFile(f.out)
	if err != nil {
		return err
	}
	filled, err := table.InsertBetween(string(document), begin, end, text)
	if err != nil {
		return fmt.Errorf("%s: %w", f.out, err)
	}
	return os.WriteFile(f.out, []byte(filled), 0o644)
}
