package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/registrar"
)

func (a *app) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List services",
		Long: `List shows the services of the namespace that -n names, or else of all namespaces,
that have an instance, up or not.

With -o name it writes NAMESPACE/SERVICE, as get takes it; with -o wide it counts the
instances that are up; with -o json, jsonl and yaml it writes whole services with the
instances that are up, as get does.`,
		Example: `  registrar list
  registrar list -n prod -o name
  registrar list -o jsonl`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.oneShot(cmd.Context(), a.list)
		},
	}
}

func (a *app) list(ctx context.Context, client *registrar.Client) error {
	names, err := listNames(ctx, client, a.globals.namespace)
	if err != nil {
		return err
	}
	f := a.globals.output
	if len(names) == 0 && f.isTable() {
		a.notef("no services in %s", a.scope())
		return nil
	}
	if f == formatTable || f == formatName {
		return a.writeNames(names)
	}
	services, err := getServices(ctx, client, names)
	if err != nil {
		return err
	}
	if f == formatWide {
		return a.writeCounts(services)
	}
	return a.writeServices(services)
}

// scope names what is listed.
func (a *app) scope() string {
	if a.globals.namespace == "" {
		return "any namespace"
	}
	return fmt.Sprintf("namespace %q", a.globals.namespace)
}

// listNames returns the services of a namespace, or of all for the empty one,
// as NAMESPACE/SERVICE.
func listNames(ctx context.Context, client *registrar.Client, namespace string) ([]string, error) {
	names, err := client.List(ctx, namespace)
	if err != nil {
		return nil, err
	}
	if namespace == "" {
		return names, nil
	}
	full := make([]string, len(names))
	for i, name := range names {
		full[i] = namespace + "/" + name
	}
	return full, nil
}

// parallelGets keeps a list of many services from waiting for each in turn.
const parallelGets = 16

// getServices reads services by NAMESPACE/SERVICE. One without an instance that
// is up has none in the result.
func getServices(ctx context.Context, client *registrar.Client, names []string) ([]*registrar.Service, error) {
	services := make([]*registrar.Service, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelGets)
	for i, name := range names {
		g.Go(func() error {
			s, err := getService(ctx, client, name)
			if errors.Is(err, registrar.ErrNotFound) {
				namespace, service, _ := strings.Cut(name, "/")
				s, err = &registrar.Service{Namespace: namespace, Name: service}, nil
			}
			services[i] = s
			return err
		})
	}
	return services, g.Wait()
}

func (a *app) writeNames(names []string) error {
	if a.globals.output == formatName {
		for _, name := range names {
			if _, err := fmt.Fprintln(a.stdout, name); err != nil {
				return err
			}
		}
		return nil
	}
	rows := make([][]string, len(names))
	for i, name := range names {
		rows[i] = strings.SplitN(name, "/", 2)
	}
	return writeTable(a.stdout, []string{"NAMESPACE", "SERVICE"}, rows)
}

func (a *app) writeCounts(services []*registrar.Service) error {
	rows := make([][]string, len(services))
	for i, s := range services {
		rows[i] = []string{s.Namespace, s.Name, strconv.Itoa(len(s.Instances)), strconv.FormatInt(s.Revision, 10)}
	}
	return writeTable(a.stdout, []string{"NAMESPACE", "SERVICE", "UP", "REVISION"}, rows)
}

// writeServices writes an array, or for jsonl each service on its line.
func (a *app) writeServices(services []*registrar.Service) error {
	if a.globals.output != formatJSONL {
		return writeData(a.stdout, a.globals.output, services)
	}
	for _, s := range services {
		if err := writeData(a.stdout, formatJSONL, s); err != nil {
			return err
		}
	}
	return nil
}
