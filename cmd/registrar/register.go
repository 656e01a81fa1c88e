package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/etcd"
)

// registerHelp is what the command register says of itself.
const registerHelp = `Register keeps an instance of a service, or all instances in a file, registered
until it receives INT (Ctrl-C), TERM or, unless it is ignored, HUP. Then it
unregisters them and exits. A second signal ends it at once. While etcd is
unavailable it keeps retrying. If it is killed, the instances disappear when
their lease expires.

With --address iface:NAME, and without --address, the instance follows the
addresses of this machine, and waits while there are none. Changes are seen at
once on Linux, and within ten seconds elsewhere.

With --once it writes under a lease that is not renewed, and exits. With
--static it writes without a lease, so the instance stays until it is
unregistered, and exits.

With --wait-dns it says when a DNS server shows the registration; with --once
or --static it waits for that before it exits, for at most --timeout. --zone is
the zone that the server answers for.

With -o json, jsonl and yaml it prints what is registered as soon as it is, and
with -o name NAMESPACE/SERVICE/ID of each instance.

A file contains one service or an array of services, or several of these in a
row, as JSON, JSON lines or documents of YAML 1.2:

  {"name":"orders", "instances":[{"addresses":["10.0.0.7"],
                                  "ports":[{"name":"http","port":8080}]}]}

The output of "get" and "list" with -o json, jsonl and yaml has this form.`

func newRegisterCommand(a *app) *cobra.Command {
	r := &register{registration: registration{app: a}}
	cmd := &cobra.Command{
		Use:   "register {SERVICE --port PORT... | --file FILE}",
		Short: "Register instances and keep them registered",
		Long:  registerHelp,
		Example: `  registrar register orders --port http:8080
  registrar register orders --id a --port http:8080 --meta version=1.2.3
  registrar register orders --address iface:eth0 --port 8080 --lease 30s
  registrar register dns --address 10.0.0.7 --port dns:53/udp --tag canary
  registrar register db --host db1.example.com --port postgresql:5432 --static
  registrar register orders --port 8080 --once --wait-dns 127.0.0.1:53
  registrar register --file services.yaml --once
  registrar get orders -o json | registrar register --prefix /test --file -`,
		Args: func(_ *cobra.Command, args []string) error { return r.checkArgs(args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			r.namespaceGiven = cmd.Flags().Changed("namespace")
			return r.run(cmd.Context(), args)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	r.instance.add(fs)
	fs.VarP(text{&r.file}, "file", "f", "register the services in `FILE` (\"-\": standard input) instead of SERVICE and its flags")
	fs.BoolVar(&r.once, "once", false, "write under a lease that is not renewed, then exit")
	fs.BoolVar(&r.static, "static", false, "write without a lease, then exit")
	fs.Func("wait-dns", "say when the DNS server at `HOST:PORT` shows the registration, and with --once or --static exit only then; repeatable, or with commas", r.dns.parse)
	fs.DurationVar(&r.lease, "lease", registrar.DefaultLeaseTTL, "how long an instance stays registered if this command is killed, as `DURATION` in whole seconds")
	return cmd
}

// register is what the command register is asked to do.
type register struct {
	registration
	file         string
	once, static bool
	// namespaceGiven says that -n is there as a flag, not as a variable.
	namespaceGiven bool
}

// checkArgs checks which arguments and flags are there together.
func (r *register) checkArgs(args []string) error {
	switch {
	case r.once && r.static:
		return usagef("--once and --static cannot be used together: an instance has a lease or none")
	case r.static && r.instance.set.Changed("lease"):
		return usagef("--static and --lease cannot be used together: static instances have no lease")
	case r.file != "" && len(args) > 0:
		return usagef("--file and SERVICE %q cannot be used together: the file names its services", args[0])
	case r.file != "" && r.instance.given() != "":
		return usagef("--file and %s cannot be used together: the file describes its instances", r.instance.given())
	case r.file != "":
		return nil
	case len(args) == 0:
		return usagef("register: missing SERVICE or --file")
	case len(args) > 1:
		return usagef("register: unexpected argument %q", args[1])
	}
	return nil
}

func (r *register) run(ctx context.Context, args []string) error {
	if err := r.globals.check(); err != nil {
		return err
	}
	if err := checkLease(r.lease); err != nil {
		return err
	}
	if !r.once && !r.static {
		if err := r.plan(args); err != nil {
			return err
		}
		return r.hold(ctx)
	}
	if err := r.prepare(ctx, args); err != nil {
		return err
	}
	lease := registrar.WithLeaseTTL(r.lease)
	if r.static {
		return r.oneShot(ctx, r.write, lease)
	}
	return r.oneShot(ctx, r.write, lease, etcd.WithLeaveOnClose())
}
