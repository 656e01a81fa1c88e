package main

import (
	"context"
	"fmt"
	"io"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/registrar"
)

// writeOverrides writes the overrides of a service as a table of its own, below that of
// its instances; nothing where there are none.
func writeOverrides(ctx context.Context, w io.Writer, client *registrar.Client, service catalog.ServiceName) error {
	registry, err := inspectService(ctx, client, service)
	if err != nil {
		return fmt.Errorf("reading the overrides of %s: %w", service, err)
	}
	if len(registry.Overrides) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	rows := make([][]string, len(registry.Overrides))
	for i := range registry.Overrides {
		o := &registry.Overrides[i]
		rows[i] = append([]string{o.ID}, overrideCells(o)...)
	}
	return writeTable(w, append([]string{"ID"}, overrideHeader...), rows)
}

// overrideHeader are the columns of overrides, after those that name the instance.
var overrideHeader = []string{"OVERRIDE", "INSTANCE", "REASON"}

func overrideCells(o *inspect.Override) []string {
	return []string{string(o.Status), o.InstanceStatus(), oneLine(o.Explain())}
}
