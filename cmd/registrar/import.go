package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/consul"
	"github.com/rosterdns/roster/cmd/registrar/internal/export"
	"github.com/rosterdns/roster/cmd/registrar/internal/foreign"
	"github.com/rosterdns/roster/cmd/registrar/internal/importing"
	"github.com/rosterdns/roster/cmd/registrar/internal/skydns"
	"github.com/rosterdns/roster/registrar"
)

// importer is what the import command is asked to do.
type importer struct {
	*app
	from           source
	zone           string // of SkyDNS
	dryRun         bool
	options        importing.Options
	namespaceGiven bool // -n is there as a flag
}

// importHelp is what the command import says of itself.
const importHelp = `Import writes what export has written to FILE ("-": standard input), as JSON,
JSON lines or YAML: policies, overrides of statuses, and static instances. What
is there already and says the same is left as it is, so that import can be
repeated. All of the file is checked before anything is written.

Instances that are not static belong to processes that keep them registered, and
are left out unless --static is given. To keep them registered here, use
"register --file". An instance that a process has registered is never replaced.

Each key is written only if it is still as import has read it. What others have
changed meanwhile is left as it is and named; the exit code is 1 then.

With --from consul FILE has answers of Consul's HTTP API, one or several in a
row: /v1/catalog/service/NAME, /v1/health/service/NAME (which has the checks) or
/v1/agent/services. With --from skydns it has what "etcdctl get --prefix
/skydns" prints, best with -w json. All instances become static. What Roster has
no place for is listed.

With --dry-run nothing is written, and the differences are shown. With -o json,
jsonl and yaml, and with -o name, the changes are printed in any case.`

func newImportCommand(a *app) *cobra.Command {
	m := &importer{app: a, from: sourceRoster, zone: skydns.DefaultZone}
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Write services, policies and overrides from a file",
		Long:  importHelp,
		Example: `  registrar import backup.json
  registrar import --dry-run --prune backup.yaml
  registrar export --prefix /old | registrar import --static -
  registrar import --from consul orders.json --dry-run
  registrar import --from skydns --from-zone skydns.local keys.json`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("from-zone") && m.from != sourceSkyDNS {
				return usagef("--from-zone is for --from skydns")
			}
			m.namespaceGiven = cmd.Flags().Changed("namespace")
			return m.run(cmd.Context(), args[0])
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.Var(&m.from, "from", "what FILE comes from, as `REGISTRY`: roster, consul or skydns")
	fs.Var(text{&m.zone}, "from-zone", "`ZONE` of SkyDNS's records in DNS")
	fs.BoolVar(&m.dryRun, "dry-run", false, "show the differences and write nothing")
	fs.BoolVar(&m.options.Static, "static", false, "import all instances, as static ones")
	fs.BoolVar(&m.options.Prune, "prune", false, "remove static instances that FILE does not have from the services in FILE")
	fs.BoolVar(&m.options.PruneNamespaces, "prune-namespaces", false, "remove them from all services of the namespaces in FILE")
	mustComplete(cmd, "from", []string{string(sourceRoster), string(sourceConsul), string(sourceSkyDNS)})
	return cmd
}

func (m *importer) run(ctx context.Context, path string) (err error) {
	if m.options.Prefix, err = catalog.CleanPrefix(m.globals.prefix); err != nil {
		return err
	}
	services, err := m.read(path)
	if err != nil {
		return err
	}
	return m.oneShot(ctx, func(ctx context.Context, client *registrar.Client) error {
		store, err := keysOf(client)
		if err != nil {
			return err
		}
		plan, err := importing.Prepare(ctx, store, services, m.options)
		if err != nil {
			return fmt.Errorf("importing %s: %w", path, err)
		}
		var r importing.Result
		if !m.dryRun {
			r, err = plan.Apply(ctx, store)
		}
		if err == nil {
			err = m.show(plan)
		}
		m.report(plan, r, len(services))
		if err != nil {
			return fmt.Errorf("importing %s: %w", path, err)
		}
		return nil
	})
}

// read returns the services in the file, checked.
func (m *importer) read(path string) ([]*export.Service, error) {
	text, err := readFile("FILE", path, m.stdin)
	if err != nil {
		return nil, err
	}
	if m.from != sourceRoster {
		return m.readForeign(path, text)
	}
	services, err := importing.Read(path, text, m.namespace())
	if err != nil {
		return nil, err
	}
	for _, s := range services {
		if m.namespaceGiven && s.Namespace != m.namespace() {
			return nil, usagef("--namespace %s: service %q in file %q has namespace %q: remove one of them", m.namespace(), s.Name, path, s.Namespace)
		}
	}
	return services, nil
}

// readForeign is read for files of other registries.
func (m *importer) readForeign(path string, text []byte) ([]*export.Service, error) {
	if err := catalog.CheckNamespace(m.namespace()); err != nil {
		return nil, err
	}
	var found foreign.Result
	var err error
	if m.from == sourceConsul {
		found, err = consul.Read(path, text, m.namespace())
	} else {
		found, err = skydns.Read(path, text, skydns.Options{Zone: m.zone, Namespace: m.namespace()})
	}
	if err != nil {
		return nil, err
	}
	for _, note := range found.Notes {
		m.warnf("%s", note)
	}
	if found.LeftOut > 0 {
		m.warnf("left out %s", count(found.LeftOut, "record"))
	}
	return found.Services, nil
}

// report tells the user what was done, and what was left out.
func (m *importer) report(plan *importing.Plan, r importing.Result, services int) {
	if len(plan.Held) > 0 {
		m.warnf("left %s to the processes that keep them registered: %s", count(len(plan.Held), "instance"), strings.Join(plan.Held, ", "))
	}
	if len(plan.Leased) > 0 {
		m.warnf("left out %s, since they are not static (--static imports them): %s", count(len(plan.Leased), "instance"), strings.Join(plan.Leased, ", "))
	}
	verb := "imported"
	if m.dryRun {
		verb = "would import"
		for _, c := range plan.Changes {
			switch c.Action {
			case importing.Create:
				r.Created++
			case importing.Update:
				r.Updated++
			case importing.Delete:
				r.Deleted++
			}
		}
	}
	m.notef("%s %s: %d created, %d updated, %d deleted, %d unchanged", verb, count(services, "service"), r.Created, r.Updated, r.Deleted, plan.Unchanged)
}

// show prints the changes.
func (m *importer) show(plan *importing.Plan) error {
	switch f := m.globals.output; {
	case f == formatName:
		for _, c := range plan.Changes {
			if _, err := fmt.Fprintln(m.stdout, c.Name()); err != nil {
				return err
			}
		}
		return nil
	case f == formatJSONL:
		for _, c := range plan.Changes {
			if err := writeData(m.stdout, f, c); err != nil {
				return err
			}
		}
		return nil
	case !f.isTable():
		return writeData(m.stdout, f, append([]*importing.Change{}, plan.Changes...)) // not null
	case !m.dryRun || len(plan.Changes) == 0:
		return nil
	}
	rows := make([][]string, len(plan.Changes))
	for i, c := range plan.Changes {
		rows[i] = []string{string(c.Action), c.Kind(), c.Name(), summary(c)}
	}
	return writeTable(m.stdout, []string{"ACTION", "KIND", "NAME", "CHANGE"}, rows)
}

// summary says in a line what a change does.
func summary(c *importing.Change) string {
	if c.Action == importing.Create && c.Key.Kind == catalog.KindInstance {
		if in, err := catalog.DecodeValue(c.Key.ID, c.New); err == nil {
			return describe(&in)
		}
	}
	return c.Summary()
}
