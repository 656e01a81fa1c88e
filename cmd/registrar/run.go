package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/cmd/registrar/internal/supervise"
	"github.com/rosterdns/roster/registrar"
)

// Exit codes for a command that can't be started, as shells have them.
const (
	exitNotExecutable = 126
	exitNoCommand     = 127
)

const (
	// defaultDrainDelay is the TTL that DNS servers give instances by default: after
	// it no client uses an answer from before.
	defaultDrainDelay = 5 * time.Second
	// defaultKillAfter is what container runtimes and process managers commonly allow.
	defaultKillAfter = 10 * time.Second
)

// run is what the run command is asked to do.
type run struct {
	registration
	check                 checkFlags
	command               []string
	drainDelay, killAfter time.Duration
}

// runHelp is what the command run says of itself.
const runHelp = `Run starts a command and keeps an instance of a service registered for as long
as the command runs. It exits with the exit code of the command: 128 and the
number of the signal for one that a signal ended, 127 if there is no such
command, 126 if it cannot be executed. The command starts whether or not etcd is
available, and nothing that happens to etcd ends it.

On TERM or INT it sets the status of the instance to draining, so that clients
send no new work, waits for --drain-delay, and sends the signal to the process
group of the command. What has not ended after --kill-after is killed. Then the
instance is unregistered. Each further signal skips the wait that is under way.
If the command ends by itself, what it has left running is ended in the same
way, and the instance is draining for --drain-delay before it is unregistered:
run goes on for that long. 0 leaves the wait out, and so does an instance that
never was registered, since etcd is away or its check has not passed.

With --check it is registered once that passes, and as down while it fails, as
long as the command runs. Without HOST the check asks the instance's first
address; PORT can be one of the names of --port, and is the first one if it is
missing. exec runs a command by sh -c, whose exit code 0 is a success. Redirects
to other servers, and HTTP statuses but 200 to 299, are failures.

All other signals are passed on to the command. The command has a process group
of its own; at a terminal that is the foreground group, so that Ctrl-C and
Ctrl-Z reach the command itself. If run itself is killed, the command is sent
TERM (on Linux). As process 1 of a container it also waits for orphans.

The environment of the command tells what is registered: ROSTER_NAMESPACE,
ROSTER_SERVICE, ROSTER_INSTANCE (its ID), ROSTER_ADDRESS (the first address),
ROSTER_ADDRESSES (all, with commas), ROSTER_HOST, ROSTER_PORT (the first port),
ROSTER_PORT_NAME for each named port, such as ROSTER_PORT_HTTP, and
ROSTER_LOCALITY. Without an address within a second the command starts without
those that depend on it.`

func newRunCommand(a *app) *cobra.Command {
	r := &run{registration: registration{app: a}}
	cmd := &cobra.Command{
		Use:   "run SERVICE --port PORT... [flags] -- CMD [ARG...]",
		Short: "Run a command and keep it registered while it runs",
		Long:  runHelp,
		Example: `  registrar run orders --port http:8080 -- ./orders --listen :8080
  registrar run orders --port http:8080 --drain-delay 10s -- ./orders
  registrar run orders --port http:8080 --check http://:http/healthz -- ./orders
  registrar run db --port 5432 --check 'exec:pg_isready' -- postgres
  registrar run web --port 80 -- nginx -g 'daemon off;'`,
		Args: func(cmd *cobra.Command, args []string) error { return r.checkArgs(cmd, args) },
		RunE: func(cmd *cobra.Command, args []string) error { return r.run(cmd.Context(), args[0]) },
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if cmd.ArgsLenAtDash() >= 0 {
				return nil, cobra.ShellCompDirectiveDefault // the command's
			}
			return completer{a}.services(cmd, args, toComplete)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	r.instance.add(fs)
	r.check.add(cmd, "register the instance once this check passes, and as down while it fails")
	fs.DurationVar(&r.drainDelay, "drain-delay", defaultDrainDelay, "how long the instance is draining before the command is ended and the instance unregistered: `DURATION`, at least the TTL of the instance")
	fs.DurationVar(&r.killAfter, "kill-after", defaultKillAfter, "kill the command if it has not ended `DURATION` after the signal")
	fs.Func("wait-dns", "say when the DNS server at `HOST:PORT` shows the registration; repeatable, or with commas", r.dns.parse)
	fs.DurationVar(&r.lease, "lease", registrar.DefaultLeaseTTL, "how long the instance stays registered if this command is killed, as `DURATION` in whole seconds")
	return cmd
}

// checkArgs splits the arguments at "--".
func (r *run) checkArgs(cmd *cobra.Command, args []string) error {
	at := cmd.ArgsLenAtDash()
	switch {
	case len(args) == 0 || at == 0:
		return usagef("run: missing SERVICE")
	case at < 0 || at == len(args):
		return usagef("run: missing CMD after \"--\"")
	case at > 1:
		return usagef("run: unexpected argument %q: the command stands after \"--\"", args[1])
	case r.drainDelay < 0:
		return usagef("--drain-delay %v is negative", r.drainDelay)
	case r.killAfter < 0:
		return usagef("--kill-after %v is negative", r.killAfter)
	}
	r.command = args[at:]
	if r.check.spec == nil {
		return nil
	}
	return r.checkCheck()
}

// checkCheck finds what is wrong with --check, whose address may not be known yet.
func (r *run) checkCheck() error {
	in := r.instance.instance
	in.Host = cmp.Or(in.Host, "localhost")
	if _, err := r.check.checker(registrar.ServiceName{}, &in); err != nil {
		return &usageError{fmt.Errorf("--check: %w", err)}
	}
	return r.check.valid()
}

func (r *run) run(ctx context.Context, arg string) error {
	name, err := parseName(arg, r.namespace())
	if err != nil {
		return err
	}
	signals, stop := r.commandSignals()
	defer stop()
	if os.Getpid() == 1 {
		return beInit(signals)
	}
	if err := r.globals.check(); err != nil {
		return err
	}
	if err := checkLease(r.lease); err != nil {
		return err
	}
	path, err := exec.LookPath(r.command[0])
	if err != nil {
		return noCommand(err)
	}
	m := &member{registration: &r.registration, check: &r.check, drainDelay: r.drainDelay, wake: newStatusWake()}
	if m.client, err = r.connect(ctx, registrar.WithLeaseTTL(r.lease), registrar.WithObserver(m.wake)); err != nil {
		return err
	}
	if err := awaitAddressSoon(ctx, m.registration, arg); err != nil {
		return errors.Join(err, m.client.Close())
	}
	r.oneProcessor()
	code, err := supervise.Run(ctx, supervise.Config{
		Path: path, Args: r.command, Env: append(os.Environ(), r.environment(name)...),
		DrainDelay: r.drainDelay, KillAfter: r.killAfter, Signals: signals,
		Started: func() { m.start(ctx, arg) }, Drain: m.drain, Notef: r.notef,
	})
	if err != nil {
		_ = m.client.Close() // nothing was written
		return noCommand(err)
	}
	m.leave()
	return commandEnded(code)
}

// environment returns the variables of the command, as far as it is known what will be
// registered.
func (r *run) environment(name registrar.ServiceName) []string {
	if len(r.services) == 0 {
		return instanceEnvironment(name, &r.instance.instance)
	}
	return instanceEnvironment(name, &r.services[0].Instances[0])
}

// beInit is run as process 1, which has another process run the command.
func beInit(signals <-chan os.Signal) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	code, err := supervise.Init(self, os.Args, os.Environ(), signals)
	if err != nil {
		return err
	}
	return commandEnded(code)
}

// noCommand is the error of a command that can't be started.
func noCommand(err error) error {
	code := exitNotExecutable
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		code = exitNoCommand
	}
	return &commandError{code, err}
}
