package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/rosterdns/roster/cmd/registrar/internal/feed"
	"github.com/rosterdns/roster/cmd/registrar/internal/live"
	"github.com/rosterdns/roster/cmd/registrar/internal/table"
	"github.com/rosterdns/roster/registrar"
)

// getWatch is get with --watch.
func (a *app) getWatch(ctx context.Context, name string) error {
	show, err := a.printer()
	if err != nil {
		return err
	}
	f := following{app: a, name: name, within: a.globals.timeout, show: func(st feed.State) error { return show(st.Service) }}
	return f.run(ctx)
}

// printer returns what prints the sets of a service, one after the other, in the format of
// -o. A set with the same instances as the one before is not printed.
func (a *app) printer() (func(*registrar.Service) error, error) {
	next := a.printSet
	switch f := a.globals.output; {
	case f == formatName:
		return nil, usagef("-o name can't show changes: use -o jsonl")
	case f.isTable():
		rows := &rowPrinter{app: a}
		next = rows.print
	}
	var last *registrar.Service
	return func(s *registrar.Service) error {
		if last != nil && len(live.Changes(last.Instances, s.Instances)) == 0 {
			return nil
		}
		last = s
		return next(s)
	}, nil
}

// yamlSeparator starts each document, so that a reader knows the one before to be whole.
const yamlSeparator = "---\n"

// printSet prints a set for programs.
func (a *app) printSet(s *registrar.Service) error {
	if a.globals.output == formatYAML {
		if _, err := fmt.Fprint(a.stdout, yamlSeparator); err != nil {
			return err
		}
	}
	return writeService(a.stdout, a.globals.output, s)
}

// statusRemoved is the status that a row shows of an instance that has left.
const statusRemoved = "removed"

// rowPrinter prints the instances of a service as a table, and then those that change as
// further rows of it.
type rowPrinter struct {
	*app
	layout    table.Layout
	instances []registrar.Instance
	started   bool
}

func (p *rowPrinter) print(s *registrar.Service) error {
	wide := p.globals.output == formatWide
	header := instanceHeader(wide)
	var rows [][]string
	if !p.started {
		p.started = true
		rows = append(rows, header)
		if len(s.Instances) == 0 {
			p.notef("no instance of %s/%s to show yet", s.Namespace, s.Name)
		}
	}
	for _, c := range live.Changes(p.instances, s.Instances) {
		row := instanceRow(c.Instance, wide)
		if c.Kind == live.Removed {
			row[slices.Index(header, statusHeader)] = statusRemoved
		}
		rows = append(rows, row)
	}
	p.instances = s.Instances
	p.layout = p.layout.Fit(rows...)
	paint := statusPaint(p.stdout, header)
	for _, row := range rows {
		if _, err := fmt.Fprintln(p.stdout, p.layout.Line(row, paint)); err != nil {
			return err
		}
	}
	return nil
}
