package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/checking"
	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/health"
)

const (
	// lockBase and lockLimit bound the pause before the lock is asked for again while etcd
	// gives no answer.
	lockBase  = 500 * time.Millisecond
	lockLimit = 5 * time.Second
)

// watchdog is what the check command is asked to do.
type watchdog struct {
	*app
	check checkFlags
	lease time.Duration

	name registrar.ServiceName
	ids  []string
	held bool  // the lock was held once
	lost error // why the lock can't be had; nil if it can
}

func newCheckCommand(a *app) *cobra.Command {
	w := &watchdog{app: a}
	cmd := &cobra.Command{
		Use:   "check SERVICE [ID...] --check CHECK",
		Short: "Check static instances and keep their status",
		Long: `Check keeps the status of static instances, which have no process that does:
those with the IDs, or all of the service, also those that are registered later.
It sets the status of one whose check fails to down, and to up when it passes
again, until it receives INT, TERM or HUP. A second signal ends it at once.

Several processes can run for the same instances: one of them acts, which holds
a lock in etcd. Another one takes over when it ends, or at the latest --lease
after it has lost etcd. Only changes are written, and never over a change that
somebody else has made in between. An instance whose own status is draining is
left as it is; drain and undrain work as always, beside the check.

Without HOST the check asks the instance's first address, or its host: all its
addresses lead to the same process, and this machine may not reach all. PORT can
be the name of one of its ports, and is the first tcp port if it is missing.
exec runs a command by sh -c, whose exit code 0 is a success. Its environment
tells of the instance, as that of "registrar run" does.

Instances can also be given in full, as NAMESPACE/SERVICE/ID.`,
		Example: `  registrar check db --check tcp://:postgresql
  registrar check prod/web --check http://:http/healthz --check-interval 5s
  registrar check db db1 db2 --check exec:./check-database`,
		Args:              func(_ *cobra.Command, args []string) error { return w.checkArgs(args) },
		ValidArgsFunction: completer{a}.instances,
		RunE:              func(cmd *cobra.Command, args []string) error { return w.run(cmd.Context(), args) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	w.check.add(cmd, "how to check an instance")
	fs.DurationVar(&w.lease, "lease", registrar.DefaultLeaseTTL, "another process takes over `DURATION` after this one was killed, in whole seconds")
	return cmd
}

func (w *watchdog) checkArgs(args []string) error {
	if err := notTooLong(args); err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		return usagef("check: missing SERVICE")
	case w.check.spec == nil:
		return usagef("check: missing --check: such as --check tcp://:http")
	}
	return errors.Join(checkLease(w.lease), w.check.valid())
}

func (w *watchdog) run(ctx context.Context, args []string) (err error) {
	if err := w.parseTargets(args); err != nil {
		return err
	}
	cfg, err := w.globals.etcdConfig()
	if err != nil {
		return err
	}
	client, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	conn, err := etcdclient.New(cfg)
	if err != nil {
		return &usageError{err}
	}
	defer conn.Close()
	return runUntilSignal(ctx, w.signals, func(ctx context.Context) error { return w.keep(ctx, client, conn) })
}

// parseTargets parses SERVICE [ID...] or NAMESPACE/SERVICE/ID..., all of one service: the
// lock is that of a service.
func (w *watchdog) parseTargets(args []string) (err error) {
	if len(args) == 1 && !namesInstance(args[0]) {
		w.name, err = parseName(args[0], w.namespace())
	} else {
		w.name, w.ids, err = parseOneService(args, w.namespace())
	}
	return err
}

// keep checks whenever it holds the lock, until ctx is done. What etcd has never
// permitted is an error.
func (w *watchdog) keep(ctx context.Context, client *registrar.Client, conn *etcdclient.Conn) error {
	prefix, err := catalog.CleanPrefix(w.globals.prefix)
	if err != nil {
		return err
	}
	lock := &checking.Lock{Conn: conn, Key: checking.LockKey(prefix, w.name.Name(), w.ids), TTL: w.lease, Waiting: w.waiting}
	pause := backoff.New(lockBase, lockLimit)
	for ctx.Err() == nil {
		err := lock.Hold(ctx, func(ctx context.Context, kv clientv3.KV, owner clientv3.Cmp) {
			pause.Reset()
			w.round(ctx, client, &checking.Store{KV: kv, Owner: owner, Prefix: prefix, Service: w.name.Name()})
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			w.warnf("lost the lock for checking %s: another process may check it now", w.name)
		default:
			if err := w.unlocked(err, conn.Err()); err != nil {
				return err
			}
		}
		_ = pause.Wait(ctx) // the loop sees its end
	}
	return nil
}

// waiting tells that another process has the lock.
func (w *watchdog) waiting() {
	w.inContact()
	w.notef("another process checks %s: waiting to take over", w.name)
}

// inContact tells that etcd answers again.
func (w *watchdog) inContact() {
	if w.lost != nil {
		w.notef("regained contact with etcd")
	}
	w.lost = nil
}

// unlocked tells once why the lock can't be had. It returns an error if that was never
// permitted. why is what is known of the connection.
func (w *watchdog) unlocked(err, why error) error {
	classified := ofEtcd(err)
	switch {
	case errors.Is(classified, registrar.ErrPermission) && !w.held:
		return fmt.Errorf("checking %s: %w", w.name, classified)
	case w.lost == nil:
		if why != nil && !errors.Is(classified, registrar.ErrPermission) {
			classified = ofEtcd(why)
		}
		w.warnf("warning: not checking %s: %s; retrying", w.name, withHint(classified))
	}
	w.lost = classified
	return nil
}

// round checks while the lock is held.
func (w *watchdog) round(ctx context.Context, client *registrar.Client, store *checking.Store) {
	w.inContact()
	w.held = true
	w.notef("checking %s", w.name)
	all := w.name
	all.Selector.AnyStatus = true
	r := checking.Round{
		IDs:     w.ids,
		Checker: func(in *registrar.Instance) (*health.Checker, error) { return w.check.checker(w.name, in) },
		Set:     store.Set,
		Changed: w.changed,
		Failed: func(id string, err error) {
			w.warnf("warning: checking %s/%s: %v; retrying", w.name, id, err)
		},
	}
	r.Run(ctx, client.Watch(ctx, all.String()))
}

// changed tells of a status that was written.
func (w *watchdog) changed(id string, r health.Result) {
	if r.Up() {
		w.notef("%s/%s is up", w.name, id)
	} else {
		w.notef("%s/%s is down: %v", w.name, id, r.Err)
	}
}
