package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/registrar"
)

// completionTimeout bounds how long a shell hangs when etcd is away.
const completionTimeout = time.Second

// completer offers shells what the registry has. What fails offers nothing: there is
// nowhere to tell of it.
type completer struct{ *app }

// offer is oneShot for shells.
func (c completer) offer(cmd *cobra.Command, find func(context.Context, *registrar.Client) ([]string, error)) ([]cobra.Completion, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	if readEnvironment(c.getenv, cmd.Root().PersistentFlags()) != nil {
		return nil, none
	}
	c.globals.timeout = min(c.globals.timeout, completionTimeout)
	var names []string
	err := c.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) (err error) {
		names, err = find(ctx, client)
		return err
	})
	if err != nil {
		return nil, none
	}
	return names, none
}

// services offers services: by name alone those of the namespace, and
// by full name all, unless -n names a namespace.
func (c completer) services(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return cobra.NoFileCompletions(cmd, args, "")
	}
	return c.offer(cmd, func(ctx context.Context, client *registrar.Client) ([]string, error) {
		names, err := client.List(ctx, c.namespace())
		if err != nil || c.globals.namespace != "" {
			return names, err
		}
		all, err := client.List(ctx, "")
		return append(names, all...), err
	})
}

// serviceNames offers services by full name, for a list with commas.
func (c completer) serviceNames(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before := toComplete[:strings.LastIndexByte(toComplete, ',')+1]
	return c.offer(cmd, func(ctx context.Context, client *registrar.Client) ([]string, error) {
		names, err := client.List(ctx, "")
		for i := range names {
			names[i] = before + names[i]
		}
		return names, err
	})
}

// instances offers services, and then the IDs of one's instances that are not
// there yet.
func (c completer) instances(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0:
		return c.services(cmd, args, toComplete)
	case namesInstance(args[0]):
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.offer(cmd, func(ctx context.Context, client *registrar.Client) ([]string, error) {
		name, err := parseName(args[0], c.namespace())
		if err != nil {
			return nil, err
		}
		if err := contact(ctx, client, name.Namespace, name.Service); err != nil {
			return nil, err
		}
		name.Selector.AnyStatus = true
		s, err := getService(ctx, client, name.String())
		if err != nil {
			return nil, err
		}
		var ids []string
		for _, in := range s.Instances {
			if !slices.Contains(args[1:], in.ID) {
				ids = append(ids, in.ID)
			}
		}
		return ids, nil
	})
}

// eachService offers services for each argument.
func (c completer) eachService(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.services(cmd, nil, toComplete)
}

// namespaces offers the namespaces that have a service.
func (c completer) namespaces(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.offer(cmd, func(ctx context.Context, client *registrar.Client) ([]string, error) {
		names, err := client.List(ctx, "")
		for i, name := range names {
			names[i], _, _ = strings.Cut(name, "/")
		}
		return slices.Compact(names), err // they are in order
	})
}

// serviceThenFiles offers services, and then what the shell knows: the arguments
// of a command.
func (c completer) serviceThenFiles(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return c.services(cmd, args, toComplete)
}

// overridden offers services, and then the IDs of one's instances that are
// overridden, also of those that are no longer registered.
func (c completer) overridden(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 || namesInstance(args[0]) {
		return c.instances(cmd, args, toComplete)
	}
	return c.offer(cmd, func(ctx context.Context, client *registrar.Client) (ids []string, err error) {
		name, err := parseName(args[0], c.namespace())
		if err != nil {
			return nil, err
		}
		registry, err := inspectService(ctx, client, name.Name())
		if err != nil {
			return nil, err
		}
		for _, o := range registry.Overrides {
			if !slices.Contains(args[1:], o.ID) {
				ids = append(ids, o.ID)
			}
		}
		return ids, nil
	})
}
