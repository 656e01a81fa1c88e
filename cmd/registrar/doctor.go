package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/doctor"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/cmd/registrar/internal/terminal"
	"github.com/rosterdns/roster/registrar"
)

func newDoctorCommand(a *app) *cobra.Command {
	d := &examination{app: a}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong, and say what to do",
		Long: `Doctor checks etcd (its members, versions, leader, alarms, space, speed and
clocks), what the user may do, the keys of the registry, and DNS servers:
whether they are in contact with etcd and answer what it has. The servers are
those of --server, or else of /etc/resolv.conf. It changes nothing.

Each line starts with "ok", "warn" or "fail", and says what to do. If one fails
the exit code is 1.`,
		Example: `  registrar doctor
  registrar doctor --server 10.0.0.2:53,10.0.0.3:53
  registrar doctor -n prod --lease 30s -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if a.globals.output == formatName {
				return usagef("doctor: -o name is not supported: use -o json")
			}
			return exactly()(cmd, args)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.oneShot(cmd.Context(), d.run)
		},
	}
	d.servers.add(cmd, "check the DNS server at `HOST:PORT`; repeatable, or with commas (default: those of /etc/resolv.conf)")
	cmd.Flags().DurationVar(&d.lease, "lease", registrar.DefaultLeaseTTL, "judge the speed of etcd for leases of `DURATION`")
	mustComplete(cmd, "lease", nil)
	return cmd
}

// examination is what the command doctor is asked to do.
type examination struct {
	*app
	servers servers
	lease   time.Duration
}

// run makes all checks. Etcd, the registry and the DNS servers are asked at once, so that
// one that doesn't answer leaves time for the others.
func (d *examination) run(ctx context.Context, client *registrar.Client) error {
	cfg, err := d.globals.etcdConfig()
	if err != nil {
		return err
	}
	below, err := d.globals.below()
	if err != nil {
		return err
	}
	var findings []doctor.Finding
	var registry *inspect.Registry
	var registryErr error
	var seen []statusOf
	servers, serversErr := d.dnsServers()
	var wg sync.WaitGroup
	wg.Go(func() { findings = d.checkEtcd(ctx, cfg, below) })
	wg.Go(func() {
		registry, registryErr = inspectService(ctx, client, catalog.ServiceName{Namespace: d.globals.namespace})
	})
	wg.Go(func() { seen = statuses(ctx, servers, d.zone()) })
	wg.Wait()
	if registryErr != nil {
		findings = append(findings, doctor.Finding{Level: doctor.Fail, What: "the registry can't be read: " + registryErr.Error(), Do: classify(registryErr).hint})
	} else {
		prefix, _ := catalog.CleanPrefix(d.globals.prefix) // checked by below
		findings = append(findings, doctor.Registry(registry, prefix)...)
	}
	if serversErr != nil {
		findings = append(findings, doctor.Finding{Level: doctor.Warn, What: "no DNS server is known: " + serversErr.Error(), Do: "name them by --server"})
	}
	for i := range seen {
		findings = append(findings, d.checkServer(ctx, client, &seen[i], registry)...)
	}
	return d.write(findings)
}

// errFindings is the error of an examination that has found a fault.
var errFindings = errors.New("something is wrong: see the lines with \"fail\"")

// write writes the findings, and returns an error if one of them is a fault.
func (d *examination) write(findings []doctor.Finding) error {
	switch f := d.globals.output; {
	case f.isTable():
		for _, finding := range findings {
			line := terminal.Wrap(oneLine(finding.String()), terminal.Width(d.stdout), doctor.Indent)
			if _, err := fmt.Fprintln(d.stdout, line); err != nil {
				return err
			}
		}
	case f == formatJSONL:
		for _, finding := range findings {
			if err := writeData(d.stdout, f, finding); err != nil {
				return err
			}
		}
	default:
		if err := writeData(d.stdout, f, findings); err != nil {
			return err
		}
	}
	for _, finding := range findings {
		if finding.Level == doctor.Fail {
			return errFindings
		}
	}
	return nil
}
