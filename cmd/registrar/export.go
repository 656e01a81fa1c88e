package main

import (
	"context"
	"fmt"
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

func (a *app) exportCommand() *cobra.Command {
	var everywhere bool
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
		Args: func(cmd *cobra.Command, args []string) error {
			switch f := a.globals.output; {
			case f == formatWide || f == formatName:
				return usagef("export: --output %s: must be json, jsonl or yaml", f)
			case everywhere && len(args) > 0:
				return usagef("--all-namespaces and SERVICE %q cannot be used together", args[0])
			case everywhere && cmd.Flags().Changed("namespace"):
				return usagef("--all-namespaces and --namespace cannot be used together")
			}
			return nil
		},
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			if everywhere {
				a.globals.namespace = "" // of the environment
			}
			return a.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) error {
				return a.export(ctx, client, args)
			})
		},
	}
	cmd.Flags().BoolVarP(&everywhere, "all-namespaces", "A", false, "export all namespaces, whatever REGISTRAR_NAMESPACE says")
	return cmd
}

func (a *app) export(ctx context.Context, client *registrar.Client, args []string) error {
	prefix, err := catalog.CleanPrefix(a.globals.prefix)
	if err != nil {
		return err
	}
	names, ranges, err := a.exported(prefix, args)
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
			return fmt.Errorf("exporting: service %s: %w", name, registrar.ErrNotFound)
		}
	}
	if err := a.writeExport(services); err != nil {
		return err
	}
	for _, note := range notes {
		a.warnf("%s", note)
	}
	a.notef("exported %s as of revision %d", count(len(services), "service"), revision)
	return nil
}

// exported returns the services that are asked for, none for all, and the ranges that
// they are in.
func (a *app) exported(prefix string, args []string) (names []catalog.ServiceName, ranges []string, err error) {
	for _, arg := range args {
		name, err := a.parseName(arg)
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
	case a.globals.namespace == "":
		return nil, []string{prefix + "/"}, nil
	}
	return nil, []string{catalog.NamespacePrefix(prefix, a.globals.namespace)}, nil
}

func (a *app) writeExport(services []*export.Service) error {
	switch f := a.globals.output; f {
	case formatJSONL:
		for _, s := range services {
			if err := writeData(a.stdout, f, s); err != nil {
				return err
			}
		}
		return nil
	case formatYAML:
		return writeData(a.stdout, f, append([]*export.Service{}, services...)) // not null
	default:
		return writeData(a.stdout, formatJSON, append([]*export.Service{}, services...))
	}
}

// count returns a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
