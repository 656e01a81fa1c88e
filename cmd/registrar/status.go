package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/cluster"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/registrar"
)

// overview is what the command status is asked to do, and what it finds.
type overview struct {
	*app
	servers servers

	below    string // what keys start with
	members  []cluster.Member
	listErr  error // why members could not be listed
	rights   cluster.Rights
	registry *inspect.Registry // nil where it can't be read
	dns      []statusOf
}

func newStatusCommand(a *app) *cobra.Command {
	s := &overview{app: a}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the state of etcd, the registry and DNS servers",
		Long: `Status shows the members of etcd, what the user may do below the prefix, how
many services and instances there are, and what needs attention: the overrides
of instances with their reasons, those of instances that are gone too, and the
keys that readers skip, with what is wrong with them. -n limits it to a
namespace.

Of each DNS server given by --server it shows how far behind etcd it is, in
revisions, and how long ago it heard of etcd.

What is known is shown also if etcd does not answer (exit code 4) or the user
may not read (exit code 5).`,
		Example: `  registrar status
  registrar status --server 10.0.0.2:53,10.0.0.3:53
  registrar status -n prod -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if a.globals.output == formatName {
				return usagef("status: -o name is not supported: use -o json")
			}
			return exactly()(cmd, args)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.oneShot(cmd.Context(), s.run)
		},
	}
	s.servers.add(cmd, "also show the DNS server at `HOST:PORT`; repeatable, or with commas")
	return cmd
}

// run shows what can be found out, whatever else can't.
func (s *overview) run(ctx context.Context, client *registrar.Client) (err error) {
	if s.below, err = s.globals.below(); err != nil {
		return err
	}
	var etcdErr, registryErr error
	var wg sync.WaitGroup
	wg.Go(func() { etcdErr = s.lookAtEtcd(ctx) })
	wg.Go(func() {
		s.registry, registryErr = inspectService(ctx, client, catalog.ServiceName{Namespace: s.globals.namespace})
	})
	wg.Go(func() { s.dns = statuses(ctx, s.servers.list, s.zone()) })
	wg.Wait()
	if err := s.write(); err != nil {
		return err
	}
	if registryErr != nil {
		return fmt.Errorf("reading the registry: %w", registryErr)
	}
	return etcdErr
}

// lookAtEtcd finds out about the members and the rights.
func (s *overview) lookAtEtcd(ctx context.Context) error {
	cfg, err := s.globals.etcdConfig()
	if err != nil {
		return err
	}
	etcd, closing, err := s.etcd(ctx, cfg)
	if err != nil {
		for _, endpoint := range s.globals.endpoints {
			s.members = append(s.members, cluster.Member{Endpoint: endpoint, Err: err})
		}
		s.rights = cluster.Rights{Read: err, Write: err}
		return fmt.Errorf("connecting to etcd: %w", ofEtcd(err))
	}
	defer closing()
	var wg sync.WaitGroup
	wg.Go(func() { s.members, s.listErr = cluster.Look(ctx, etcd, s.globals.endpoints) })
	wg.Go(func() { s.rights = cluster.RightsOf(ctx, etcd, s.below) })
	wg.Wait()
	return nil
}

// write writes all that was found.
func (s *overview) write() error {
	report := s.report()
	if f := s.globals.output; !f.isTable() {
		return writeData(s.stdout, f, report)
	}
	err := report.writeTables(s.stdout)
	answers := slices.ContainsFunc(s.members, func(m cluster.Member) bool { return m.Err == nil })
	if s.listErr != nil && answers { // else there is more to say than that
		s.notef("other members are not shown: %v", s.listErr)
	}
	s.noteLeftOver()
	return err
}

// noteLeftOver says what to do about overrides of instances that are not there.
func (s *overview) noteLeftOver() {
	if s.registry == nil {
		return
	}
	var left []string
	for i := range s.registry.Overrides {
		if o := &s.registry.Overrides[i]; o.LeftOver() {
			left = append(left, o.Name())
		}
	}
	if len(left) > 0 {
		s.notef("overrides of instances that are missing count as soon as those come: to remove them, run: registrar undrain %s", strings.Join(left, " "))
	}
}
