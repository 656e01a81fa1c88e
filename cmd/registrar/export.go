package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/export"
	"github.com/rosterdns/roster/registrar"
)

// keyStore is a driver that reads and writes keys as they are.
type keyStore interface {
	ReadKeys(ctx context.Context, ranges ...string) (keys []*mvccpb.KeyValue, revision int64, err error)
	ChangeKeys(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error)
}

// keysOf returns the keys of a client's registry.
func keysOf(client *registrar.Client) (keyStore, error) {
	if k, ok := client.Registry.(keyStore); ok {
		return k, nil
	}
	return nil, fmt.Errorf("driver %q has no keys: %w", client.Name(), registrar.ErrUnsupported)
}

func newExportCommand(a *app) *cobra.Command {
	e := &exporter{app: a}
	cmd := &cobra.Command{
		Use:   "export [SERVICE...]",
		Short: "Write services, policies and overrides to standard output",
		Long: `Export prints all that the registry has of the given services, or else of those
of the namespace given by -n, or of all namespaces: instances of any status,
each with its own and marked if it is static, policies, and overrides of
statuses. All is as of one revision of etcd, and sorted, so that two exports can
be compared. "import" reads what export writes.

The output is JSON unless -o is jsonl or yaml. What readers of the registry skip
is left out; messages name each such key. If a service is not there the exit
code is 3.`,
		Example: `  registrar export > backup.json
  registrar export --all-namespaces -o yaml
  registrar export orders prod/db -o jsonl
  registrar export -n prod | registrar import --prefix /test --dry-run -`,
		Args:              e.checkArgs,
		ValidArgsFunction: completer{a}.eachService,
		RunE: func(cmd *cobra.Command, args []string) error {
			if e.everywhere {
				a.globals.namespace = "" // of the environment
			}
			return a.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) error {
				return e.run(ctx, client, args)
			})
		},
	}
	cmd.Flags().BoolVarP(&e.everywhere, "all-namespaces", "A", false, "export all namespaces, whatever REGISTRAR_NAMESPACE says")
	return cmd
}

// exporter is what the command export is asked to do.
type exporter struct {
	*app
	everywhere bool
}

// checkArgs checks which arguments and flags are there together.
func (e *exporter) checkArgs(cmd *cobra.Command, args []string) error {
	switch f := e.globals.output; {
	case f == formatWide || f == formatName:
		return usagef("export: --output %s: must be json, jsonl or yaml", f)
	case e.everywhere && len(args) > 0:
		return usagef("--all-namespaces and SERVICE %q cannot be used together", args[0])
	case e.everywhere && cmd.Flags().Changed("namespace"):
		return usagef("--all-namespaces and --namespace cannot be used together")
	}
	return nil
}

func (e *exporter) run(ctx context.Context, client *registrar.Client, args []string) error {
	prefix, err := catalog.CleanPrefix(e.globals.prefix)
	if err != nil {
		return err
	}
	names, ranges, err := e.asked(prefix, args)
	if err != nil {
		return err
	}
	store, err := keysOf(client)
	if err != nil {
		return err
	}
	keys, revision, err := store.ReadKeys(ctx, ranges...)
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	services, notes := export.Collect(prefix, keys)
	for _, name := range names {
		if !slices.ContainsFunc(services, func(s *export.Service) bool { return s.FullName() == name }) {
			return fmt.Errorf("exporting: service %s: %w: to see the services, run: registrar list", name, registrar.ErrNotFound)
		}
	}
	if err := writeExport(e.stdout, e.globals.output, services); err != nil {
		return err
	}
	for _, note := range notes {
		e.warnf("%s", note)
	}
	nothing := ""
	if len(services) == 0 {
		nothing = ": there are none in " + e.globals.searched()
	}
	e.notef("exported %s as of revision %d%s", count(len(services), "service"), revision, nothing)
	return nil
}

// asked returns the services that are asked for, none for all, and the ranges that
// they are in.
func (e *exporter) asked(prefix string, args []string) (names []catalog.ServiceName, ranges []string, err error) {
	for _, arg := range args {
		name, err := parseName(arg, e.namespace())
		if err != nil {
			return nil, nil, err
		}
		service := catalog.ServiceName{Namespace: name.Namespace, Name: name.Service}
		if slices.Contains(names, service) {
			continue
		}
		names = append(names, service)
		ranges = append(ranges, catalog.ServicePrefix(prefix, service.Namespace, service.Name))
	}
	switch {
	case len(args) > 0:
		return names, ranges, nil
	case e.globals.namespace == "":
		return nil, []string{prefix + "/"}, nil
	}
	return nil, []string{catalog.NamespacePrefix(prefix, e.globals.namespace)}, nil
}

func writeExport(w io.Writer, f format, services []*export.Service) error {
	switch f {
	case formatJSONL:
		for _, s := range services {
			if err := writeData(w, f, s); err != nil {
				return err
			}
		}
		return nil
	case formatYAML:
		return writeData(w, f, append([]*export.Service{}, services...)) // not null
	default:
		return writeData(w, formatJSON, append([]*export.Service{}, services...))
	}
}

// count returns a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
