package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/rbac"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar"
)

func newRbacCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rbac",
		Short: "Print or apply least-privilege roles of etcd",
		Long: `Rbac prints the commands of etcdctl that make a role of etcd with what a part of
Roster needs, and no more. With --apply it makes the role itself; --user then
has to be one that may, such as root.`,
		Example: `  registrar rbac dns
  registrar rbac registrar prod/orders --apply --user root --password-file pw`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: suggestionDistance,
	}
	cmd.AddCommand(newRbacDNSCommand(a), newRbacRegistrarCommand(a))
	return cmd
}

// role is what a command that makes a role is asked to do.
type role struct {
	*app
	name  string
	users []string
	apply bool
}

func (r *role) add(cmd *cobra.Command, name string) {
	r.name = name
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.Var(text{&r.name}, "role", "`NAME` of the role")
	fs.StringSliceVar(&r.users, "grant-to", nil, "grant the role to users, as `USER,...`; they have to exist")
	fs.BoolVar(&r.apply, "apply", false, "make the role, or grant one that there is what it lacks")
	mustComplete(cmd, "grant-to", nil)
}

func newRbacDNSCommand(a *app) *cobra.Command {
	r := &role{app: a}
	cmd := &cobra.Command{
		Use:   "dns [NAMESPACE...]",
		Short: "The role of DNS servers",
		Long: `The role for the credentials of roster in a Corefile. It may read the given
namespaces, which have to be those of "namespaces" in the Corefile, or else the
one given by -n, or the whole registry. It can write nothing.

With -o json, jsonl and yaml the role is printed as one object.`,
		Example: `  registrar rbac dns
  registrar rbac dns prod test --role dns-prod -o json
  registrar rbac dns --grant-to ns1 --apply --user root --password-file pw`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && a.globals.namespace != "" {
				args = []string{a.globals.namespace}
			}
			for _, n := range args {
				if err := catalog.CheckNamespace(n); err != nil {
					return err
				}
			}
			prefix, err := catalog.CleanPrefix(a.globals.prefix)
			if err != nil {
				return err
			}
			return r.run(cmd.Context(), rbac.DNS(r.name, prefix, args))
		},
	}
	r.add(cmd, "roster-dns")
	return cmd
}

func newRbacRegistrarCommand(a *app) *cobra.Command {
	r := &role{app: a}
	var read []string
	cmd := &cobra.Command{
		Use:   "registrar {SERVICE... | --namespace NAMESPACE}",
		Short: "The role of programs that register services",

		DisableFlagsInUseLine: true,
		Long: `The role for programs and people that register instances of the given services,
or of all services of the namespace given by -n, read them, drain them and set
their policies. With --read they find others too. An alias or failover
to a service needs --read of that.

With -o json, jsonl and yaml the role is printed as one object.`,
		Example: `  registrar rbac registrar orders
  registrar rbac registrar prod/orders --read prod/db --read shared
  registrar rbac registrar -n prod --role prod --grant-to ann,bob`,
		ValidArgsFunction: completer{a}.eachService,
		RunE: func(cmd *cobra.Command, args []string) error {
			prefix, err := catalog.CleanPrefix(a.globals.prefix)
			if err != nil {
				return err
			}
			written, err := writtenTargets(a, args)
			if err != nil {
				return err
			}
			readable, err := readTargets(read)
			if err != nil {
				return err
			}
			return r.run(cmd.Context(), rbac.Registrar(r.name, prefix, written, readable))
		},
	}
	r.add(cmd, "roster-registrar")
	cmd.Flags().StringSliceVar(&read, "read", nil, "also allow to read `NAMESPACE[/SERVICE],...`")
	mustCompleteBy(cmd, "read", completer{a}.serviceNames)
	return cmd
}

// writtenTargets returns the services in arguments, or without any the namespace of -n.
func writtenTargets(a *app, args []string) (targets []rbac.Target, err error) {
	for _, arg := range args {
		name, err := parseName(arg, a.namespace())
		if err != nil {
			return nil, err
		}
		targets = append(targets, rbac.Target{Namespace: name.Namespace, Service: name.Service})
	}
	if len(args) > 0 {
		return targets, nil
	}
	if a.globals.namespace == "" {
		return nil, usagef("rbac registrar: missing SERVICE, or --namespace for all services of one")
	}
	return []rbac.Target{{Namespace: a.globals.namespace}}, catalog.CheckNamespace(a.globals.namespace)
}

// readTargets returns those of --read.
func readTargets(read []string) (targets []rbac.Target, err error) {
	for _, r := range read {
		namespace, service, one := strings.Cut(r, "/")
		if err := catalog.CheckNamespace(namespace); err != nil {
			return nil, usagef("--read %q: %w", r, err)
		}
		if one {
			if err := catalog.CheckLabel("service", service); err != nil {
				return nil, usagef("--read %q: %w", r, err)
			}
		}
		targets = append(targets, rbac.Target{Namespace: namespace, Service: service})
	}
	return targets, nil
}

// run prints or applies a role.
func (r *role) run(ctx context.Context, made rbac.Role) error {
	made.Users = r.users
	switch f := r.globals.output; {
	case f == formatName:
		if _, err := fmt.Fprintln(r.stdout, made.Name); err != nil {
			return err
		}
	case !f.isTable():
		if err := writeData(r.stdout, f, made); err != nil {
			return err
		}
	case !r.apply:
		for _, command := range made.Commands() {
			if _, err := fmt.Fprintln(r.stdout, command); err != nil {
				return err
			}
		}
	}
	if !r.apply {
		return nil
	}
	return applyRole(ctx, r.app, &made)
}

func applyRole(ctx context.Context, a *app, r *rbac.Role) error {
	cfg, err := a.globals.etcdConfig()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, a.globals.timeout)
	defer cancel()
	client, closing, err := a.etcd(ctx, cfg)
	if err != nil {
		return explainAuth(err)
	}
	defer closing()
	revoke, err := r.Apply(ctx, client)
	if err != nil {
		return explainAuth(err)
	}
	a.notef("applied role %q", r.Name)
	for _, command := range revoke {
		a.warnf("role %q may do more: to revoke it, run: %s", r.Name, command)
	}
	return nil
}

// explainAuth makes an error of etcd one that has an exit code.
func explainAuth(err error) error {
	switch {
	case errors.Is(err, rpctypes.ErrUserNotFound):
		return fmt.Errorf("%w: %w: add it first, with: etcdctl user add", registrar.ErrNotFound, err)
	case etcdclient.Denied(err), etcdclient.Away(err):
		return ofEtcd(err)
	}
	return err
}
