package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// policyKeeper is a driver that reads and writes policies.
type policyKeeper interface {
	Policy(ctx context.Context, service catalog.ServiceName) (catalog.Policy, error)
	ChangePolicy(ctx context.Context, service catalog.ServiceName, change func(*catalog.Policy)) (policy catalog.Policy, changed bool, err error)
	DeletePolicy(ctx context.Context, service catalog.ServiceName) error
}

func newPolicyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Set, show and delete the policies of services",
		Long: `A policy says how a service answers: with how many records, what happens when
too few or none of its instances are up, and which other services take over.
DNS servers and programs that read the registry apply it within moments.`,
		Example: `  registrar policy set orders --min-up 1 --keep-last 60
  registrar policy get orders -o json
  registrar policy delete orders`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: suggestionDistance,
	}
	cmd.AddCommand(newPolicySetCommand(a), newPolicyGetCommand(a), newPolicyDeleteCommand(a))
	return cmd
}

func newPolicySetCommand(a *app) *cobra.Command {
	var f policyFlags
	cmd := &cobra.Command{
		Use:                   "set SERVICE {--MEMBER VALUE | --unset MEMBER}...",
		DisableFlagsInUseLine: true,
		Short:                 "Set members of the policy of a service",
		Long: `Set changes the members of a policy that are given as flags, removes those given
with --unset, and keeps the others. A service without a policy gets one; it
need not have instances. Concurrent changes of other members are kept.

An alias that leads back to its own service is an error: the exit code is 2.`,
		Example: `  registrar policy set orders --min-up 1 --keep-last 60 --max-answers 8
  registrar policy set orders --failover eu/orders,us/orders
  registrar policy set cart --alias shop/cart-v2
  registrar policy set cart --unset alias,keep-last`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := exactly("SERVICE")(cmd, args); err != nil {
				return err
			}
			return f.check()
		},
		ValidArgsFunction: completer{a}.services,
		RunE: onPolicy(a, "setting", func(ctx context.Context, k policyKeeper, service catalog.ServiceName) error {
			policy, changed, err := k.ChangePolicy(ctx, service, f.change)
			if err != nil {
				return err
			}
			if changed {
				a.notef("set the policy of %s to %s", service, policy.EncodeValue())
			} else {
				a.notef("the policy of %s is %s already", service, policy.EncodeValue())
			}
			return nil
		}),
	}
	f.add(a, cmd)
	return cmd
}

func newPolicyGetCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "get SERVICE",
		Short: "Show the policy of a service",
		Long: `Get shows the policy of a service: what it does not state is the default of the
reader. With -o json, jsonl and yaml it prints the policy as one object, with
-o name NAMESPACE/SERVICE. If there is no policy, or one that readers ignore
since it cannot be read, the exit code is 3.`,
		Example: `  registrar policy get orders
  registrar policy get prod/orders -o yaml`,
		Args:              exactly("SERVICE"),
		ValidArgsFunction: completer{a}.services,
		RunE: onPolicy(a, "getting", func(ctx context.Context, k policyKeeper, service catalog.ServiceName) error {
			policy, err := k.Policy(ctx, service)
			if errors.Is(err, registrar.ErrNotFound) {
				return fmt.Errorf("%w: readers use their defaults: to set one, run: registrar policy set %s --min-up 1", err, service)
			}
			if err != nil {
				return err
			}
			return writePolicy(a.stdout, a.globals.output, service, &policy)
		}),
	}
}

func newPolicyDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "delete SERVICE",
		Short: "Delete the policy of a service",
		Long: `Delete removes the policy of a service as a whole, also one that cannot be read.
The instances stay. If there is no policy the exit code is 3.`,
		Example:           `  registrar policy delete prod/orders`,
		Args:              exactly("SERVICE"),
		ValidArgsFunction: completer{a}.services,
		RunE: onPolicy(a, "deleting", func(ctx context.Context, k policyKeeper, service catalog.ServiceName) error {
			if err := k.DeletePolicy(ctx, service); err != nil {
				return err
			}
			a.notef("deleted the policy of %s", service)
			return nil
		}),
	}
}

// onPolicy is the RunE of a command that does something with the policy of the
// service that its argument names.
func onPolicy(a *app, doing string, do func(context.Context, policyKeeper, catalog.ServiceName) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return a.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) error {
			name, err := parseName(args[0], a.namespace())
			if err != nil {
				return err
			}
			k, ok := client.Registry.(policyKeeper)
			if !ok {
				return fmt.Errorf("driver %q has no policies: %w", client.Name(), registrar.ErrUnsupported)
			}
			service := catalog.ServiceName{Namespace: name.Namespace, Name: name.Service}
			if err := do(ctx, k, service); err != nil {
				return fmt.Errorf("%s the policy of %s: %w", doing, service, err)
			}
			return nil
		})
	}
}

// writePolicy writes the policy of a service in any format.
func writePolicy(w io.Writer, f format, service catalog.ServiceName, p *catalog.Policy) error {
	switch {
	case f == formatName:
		_, err := fmt.Fprintln(w, service)
		return err
	case !f.isTable():
		return writeData(w, f, p)
	}
	keepLast := ""
	if p.KeepLast != nil {
		keepLast = strconv.FormatUint(uint64(*p.KeepLast), 10)
	}
	row := []string{
		service.Namespace, service.Name, unlessZero(p.TTL), unlessZero(p.MaxAnswers), unlessZero(p.MinUp), keepLast,
		strings.Join(serviceNames(p.Failover), ","), p.Alias.String(),
	}
	return writeTable(w, []string{"NAMESPACE", "SERVICE", "TTL", "MAX-ANSWERS", "MIN-UP", "KEEP-LAST", "FAILOVER", "ALIAS"}, [][]string{row})
}

func unlessZero[T uint32 | int](n T) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func serviceNames(list []catalog.ServiceName) (names []string) {
	for _, n := range list {
		names = append(names, n.String())
	}
	return names
}
