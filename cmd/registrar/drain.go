package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/registrar"
)

// drain is what the commands drain and undrain are asked to do.
type drain struct {
	*app
	reason string
	absent bool
}

func newDrainCommand(a *app) *cobra.Command {
	d := &drain{app: a}
	cmd := &cobra.Command{
		Use:   "drain SERVICE ID...",
		Short: "Take instances out of service",
		Long: `Drain takes instances out of service without unregistering them: they get no new
work, by DNS or by the library, until undrain. Each still answers by its own
name. It lasts, also when the instance is registered again meanwhile.

Instances can also be given in full, as NAMESPACE/SERVICE/ID. If one of them is
not registered, none is drained and the exit code is 3. With --absent that is no
error: such an instance is drained when it comes.`,
		Example: `  registrar drain orders a --reason "kernel update"
  registrar drain prod/orders a b
  registrar drain prod/orders/a prod/carts/c
  registrar drain orders a --absent --reason "crash loop"`,
		Args:              instances,
		ValidArgsFunction: completer{a}.instances,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) error {
				return d.drain(ctx, client, args)
			})
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.Var(text{&d.reason}, "reason", "why, as `TEXT` for people: status shows it")
	fs.BoolVar(&d.absent, "absent", false, "drain instances also if they are not registered")
	mustComplete(cmd, "reason", nil)
	return cmd
}

func newUndrainCommand(a *app) *cobra.Command {
	d := &drain{app: a}
	return &cobra.Command{
		Use:   "undrain SERVICE ID...",
		Short: "Put instances back into service",
		Long: `Undrain ends what drain began, or whatever else an operator has overridden the
status of the instances with: the status that each instance has itself counts
again. Overrides of instances that are no longer registered are removed, too.

Instances can also be given in full, as NAMESPACE/SERVICE/ID. If one of them is
neither registered nor overridden, nothing is changed and the exit code is 3.`,
		Example: `  registrar undrain orders a
  registrar undrain prod/orders a b
  registrar undrain prod/orders/a prod/carts/c`,
		Args:              instances,
		ValidArgsFunction: completer{a}.overridden,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) error {
				return d.undrain(ctx, client, args)
			})
		},
	}
}

func (d *drain) drain(ctx context.Context, client *registrar.Client, args []string) error {
	before, err := d.find(ctx, client, "draining", args, func(r *inspect.Registry, n instanceName) bool {
		return d.absent || r.Exists(n.ofService(), n.id)
	})
	if err != nil {
		return err
	}
	for i := range before {
		if err := client.Drain(ctx, before[i].service, d.reason); err != nil {
			return err // it names the service
		}
		for _, n := range before[i].names {
			d.notef("drained %s%s%s", n, inBrackets(d.reason), before[i].replaced(n))
		}
	}
	return d.tellEffect(ctx, client, before)
}

func (d *drain) undrain(ctx context.Context, client *registrar.Client, args []string) error {
	before, err := d.find(ctx, client, "undraining", args, func(r *inspect.Registry, n instanceName) bool {
		return r.Exists(n.ofService(), n.id) || r.Override(n.ofService(), n.id) != nil
	})
	if err != nil {
		return err
	}
	for i := range before {
		if err := client.Undrain(ctx, before[i].service); err != nil {
			return err // it names the service
		}
		for _, n := range before[i].names {
			d.notef("%s", before[i].undrained(n))
		}
	}
	return d.tellEffect(ctx, client, before)
}

// found are instances of a service that a command names, and what etcd had of the service
// before.
type found struct {
	service  *registrar.Service
	names    []instanceName
	registry *inspect.Registry
}

// find reads the services that the arguments name instances of. It is ErrNotFound if one
// of those is not there.
func (d *drain) find(ctx context.Context, client *registrar.Client, doing string, args []string, isThere func(*inspect.Registry, instanceName) bool) ([]found, error) {
	names, err := parseInstances(args, d.namespace())
	if err != nil {
		return nil, err
	}
	var list []found
	var missing []instanceName
	for _, s := range byService(names) {
		f := found{service: s, names: namesOf(s)}
		if f.registry, err = inspectService(ctx, client, f.names[0].ofService()); err != nil {
			return nil, fmt.Errorf("%s instances of %s: %w", doing, f.names[0].ofService(), err)
		}
		for _, n := range f.names {
			if !isThere(f.registry, n) {
				missing = append(missing, n)
			}
		}
		list = append(list, f)
	}
	if len(missing) > 0 {
		return nil, notThere(doing, missing...)
	}
	return list, nil
}

// replaced says what the override of an instance took the place of, if it was another.
func (f *found) replaced(n instanceName) string {
	switch o := f.registry.Override(n.ofService(), n.id); {
	case o != nil && (o.Status != catalog.StatusDraining || o.Err != nil):
		return fmt.Sprintf(", which was overridden as %s%s", o.Status, inBrackets(o.Explain()))
	case !f.registry.Exists(n.ofService(), n.id):
		return ": it is not registered, and will be draining when it is"
	}
	return ""
}

// undrained says what has become of an instance without its override.
func (f *found) undrained(n instanceName) string {
	o := f.registry.Override(n.ofService(), n.id)
	if o == nil {
		return n.String() + " is not drained"
	}
	text := fmt.Sprintf("undrained %s%s", n, inBrackets(o.Explain()))
	switch o.Instance {
	case catalog.StatusUp:
		return text
	case "":
		return text + ": it is not registered"
	default:
		return fmt.Sprintf("%s: it is %s of its own accord", text, o.Instance)
	}
}

// tellEffect says what DNS answers for the services now.
func (d *drain) tellEffect(ctx context.Context, client *registrar.Client, changed []found) error {
	for i := range changed {
		service := changed[i].names[0].ofService()
		now, err := inspectService(ctx, client, service)
		if err != nil {
			return fmt.Errorf("reading %s after the change: %w", service, err)
		}
		text, warn := now.Effect(service, strings.TrimSuffix(d.globals.zone, "."))
		if warn {
			text = "warning: " + text
		}
		d.notef("%s", text)
	}
	return nil
}

// inBrackets returns a remark that can be empty.
func inBrackets(remark string) string {
	if remark == "" {
		return ""
	}
	return " (" + remark + ")"
}
