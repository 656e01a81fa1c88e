package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/live"
	"github.com/rosterdns/roster/cmd/registrar/internal/table"
	"github.com/rosterdns/roster/registrar"
)

// follow is get with --watch.
func (g *get) follow(ctx context.Context, name string) error {
	show := setPrinter(g.stdout, g.globals.output)
	switch f := g.globals.output; {
	case f == formatName:
		return errNamesAlone
	case f.isTable():
		show = (&rowPrinter{out: g.stdout, columns: columnsOf(g.stdout, f)}).print
	}
	f := following{app: g.app, name: name, within: g.globals.timeout, show: sets(g.app, show)}
	return f.run(ctx)
}

// errNamesAlone refuses -o name for sets that change: an instance that leaves could not be
// shown.
var errNamesAlone = usagef("-o name can't show changes: use -o jsonl")

// yamlSeparator starts each document, so that a reader knows the one before to be whole.
const yamlSeparator = "---\n"

// setPrinter returns a function that prints sets for programs.
func setPrinter(w io.Writer, f format) func(*registrar.Service) error {
	return func(s *registrar.Service) error {
		if f == formatYAML {
			if _, err := fmt.Fprint(w, yamlSeparator); err != nil {
				return err
			}
		}
		return writeService(w, f, s)
	}
}

// statusRemoved is the status that a row shows of an instance that has left.
const statusRemoved = "removed"

// rowPrinter prints the instances of a service as a table, and then those that change as
// further rows of it.
type rowPrinter struct {
	out       io.Writer
	columns   live.Columns
	layout    table.Layout // empty before the header
	instances []registrar.Instance
}

func (p *rowPrinter) print(s *registrar.Service) error {
	columns := p.columns
	var rows [][]string
	status := slices.Index(columns.Header, statusHeader)
	if len(p.layout) == 0 {
		rows = append(rows, columns.Header)
		widest := slices.Clone(columns.Header)
		widest[status] = string(catalog.StatusDraining)
		p.layout = p.layout.Fit(widest) // any status that comes is aligned
	}
	for _, c := range live.Changes(p.instances, s.Instances) {
		row := columns.Row(c.Instance)
		if c.Kind == live.Removed {
			row[status] = statusRemoved
		}
		rows = append(rows, row)
	}
	p.instances = s.Instances
	p.layout = p.layout.Fit(rows...)
	for _, row := range rows {
		if _, err := fmt.Fprintln(p.out, p.layout.Line(row, columns.Paint)); err != nil {
			return err
		}
	}
	return nil
}

// columnsOf returns the columns of a table of instances.
func columnsOf(w io.Writer, f format) live.Columns {
	wide := f == formatWide
	header := instanceHeader(wide)
	return live.Columns{
		Header: header,
		Row:    func(in *registrar.Instance) []string { return instanceRow(in, wide) },
		Paint:  statusPaint(w, header),
	}
}
