package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/registrar"
)

func newListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List services",
		Long: `List shows the services that have at least one instance, whatever its status, or
a policy by which another service answers: those of the namespace given by -n,
or of all namespaces.

With -o wide it also counts the instances of each service that are up, its own
instances of any status, and its overrides, and shows whether they are leased or
static. With -o name it prints NAMESPACE/SERVICE, the form that get accepts.
With -o json, jsonl and yaml it prints each service with its instances that are
up, as get does, and omits services without one; "register --file" accepts that.`,
		Example: `  registrar list
  registrar list -n prod -o name
  registrar list -o jsonl | registrar register --prefix /test --file -
  registrar list -o json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.oneShot(cmd.Context(), (&list{a}).run)
		},
	}
}

// list is what the command list is asked to do.
type list struct{ *app }

func (l *list) run(ctx context.Context, client *registrar.Client) error {
	names, err := listNames(ctx, client, l.globals.namespace)
	if err != nil {
		return err
	}
	f := l.globals.output
	if len(names) == 0 && f.isTable() {
		l.notef("no services in %s", l.globals.searched())
		return nil
	}
	if f == formatTable || f == formatName {
		return l.writeNames(names)
	}
	services, err := getServices(ctx, client, names)
	if err != nil {
		return err
	}
	if f == formatWide {
		return l.writeCounts(ctx, client, services)
	}
	return writeServices(l.stdout, f, services)
}

// listNames returns the services of a namespace, or of all for the empty one,
// as NAMESPACE/SERVICE.
func listNames(ctx context.Context, client *registrar.Client, namespace string) ([]string, error) {
	names, err := client.List(ctx, namespace)
	if namespace == "" && errors.Is(err, registrar.ErrPermission) {
		return nil, fmt.Errorf("%w: the user may not read all namespaces: name one with -n", err)
	}
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

// getServices reads services by NAMESPACE/SERVICE, with those instances that are
// up, or that answer by the policy: one whose instances are all down has none in the
// result. What is gone since the names were read is left out.
func getServices(ctx context.Context, client *registrar.Client, names []string) ([]*registrar.Service, error) {
	services := make([]*registrar.Service, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelGets)
	for i, name := range names {
		g.Go(func() error {
			s, err := getAny(ctx, client, name)
			if errors.Is(err, registrar.ErrNotFound) {
				return nil
			}
			services[i] = s
			return err
		})
	}
	err := g.Wait()
	return slices.DeleteFunc(services, func(s *registrar.Service) bool { return s == nil }), err
}

// getAny returns what get shows of a service; where that is nothing, though the
// service has instances, it returns the service without any.
func getAny(ctx context.Context, client *registrar.Client, name string) (*registrar.Service, error) {
	s, err := getService(ctx, client, name)
	if !errors.Is(err, registrar.ErrNotFound) {
		return s, err
	}
	all, err := getService(ctx, client, name+"?status=any")
	if err != nil {
		return nil, err
	}
	none := *all // results of the library are not to be changed
	none.Instances = nil
	return &none, nil
}

func (l *list) writeNames(names []string) error {
	if l.globals.output == formatName {
		for _, name := range names {
			if _, err := fmt.Fprintln(l.stdout, name); err != nil {
				return err
			}
		}
		return nil
	}
	rows := make([][]string, len(names))
	for i, name := range names {
		rows[i] = strings.SplitN(name, "/", 2)
	}
	return writeTable(l.stdout, []string{"NAMESPACE", "SERVICE"}, rows)
}

// writeCounts writes what there is of each service. UP counts what get shows; the rest
// is of the service's own instances.
func (l *list) writeCounts(ctx context.Context, client *registrar.Client, services []*registrar.Service) error {
	registry, err := inspectService(ctx, client, catalog.ServiceName{Namespace: l.globals.namespace})
	if err != nil {
		return fmt.Errorf("counting the instances: %w", err)
	}
	overrides := map[catalog.ServiceName]int{}
	for i := range registry.Overrides {
		overrides[registry.Overrides[i].Service]++
	}
	rows := make([][]string, len(services))
	for i, s := range services {
		own, all := registry.Generation.Service(s.Namespace, s.Name), 0
		if own != nil {
			all = own.Len()
		}
		rows[i] = []string{
			s.Namespace, s.Name, strconv.Itoa(countUp(s)), strconv.FormatInt(s.Revision, 10),
			strconv.Itoa(all), inspect.KindsOf(own), strconv.Itoa(overrides[catalog.ServiceName{Namespace: s.Namespace, Name: s.Name}]),
		}
	}
	return writeTable(l.stdout, []string{"NAMESPACE", "SERVICE", "UP", "REVISION", "INSTANCES", "KIND", "OVERRIDES"}, rows)
}
