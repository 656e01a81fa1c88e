package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/dnsserver"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/cmd/registrar/internal/resolve"
	"github.com/rosterdns/roster/registrar"
)

func newResolveCommand(a *app) *cobra.Command {
	r := &resolution{app: a}
	cmd := &cobra.Command{
		Use:   "resolve NAME",
		Short: "Show what DNS answers beside what etcd has",
		Long: `Resolve asks a DNS server for the SRV, A and AAAA records of a service, and
shows beside them what it has to answer by what etcd has. If they differ the
exit code is 1, and if neither has a record it is 3.

NAME is SERVICE, with tags and a locality like 'orders?tag=canary', or a name in
--zone: of a service, of one of its ports or of an instance. The server is that
of --server, or else of /etc/resolv.conf.

What is set in a server's own configuration is not known here: max_answers,
locality, allow_net and deny_net can leave records out, protect and keep_last
can have more.`,
		Example: `  registrar resolve orders
  registrar resolve prod/orders --server 10.0.0.2:53
  registrar resolve _http._tcp.orders.default.svc.internal -o json
  registrar resolve a.orders.default.svc.internal`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := exactly("NAME")(cmd, args); err != nil {
				return err
			}
			if a.globals.output == formatName {
				return usagef("resolve: -o name is not supported: use -o json")
			}
			if len(r.servers.list) > 1 {
				return usagef("resolve: --server is given %d times: ask one server after the other", len(r.servers.list))
			}
			return nil
		},
		ValidArgsFunction: completer{a}.services,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneShot(cmd.Context(), func(ctx context.Context, client *registrar.Client) error {
				return r.run(ctx, client, args[0])
			})
		},
	}
	r.servers.add(cmd, "ask the DNS server at `HOST:PORT` (default: the first of /etc/resolv.conf)")
	return cmd
}

// resolution is what the command resolve is asked to do.
type resolution struct {
	*app
	servers servers
}

// resolved is what the command resolve writes for programs.
type resolved struct {
	Name   string `json:"name"`
	Server string `json:"server"`
	// Revision is etcd's.
	Revision int64            `json:"revision"`
	Equal    bool             `json:"equal"`
	Records  []resolvedRecord `json:"records"`
	// Error is what the server answers in place of records, such as SERVFAIL.
	Error string `json:"error,omitempty"`
}

type resolvedRecord struct {
	Type string `json:"type"`
	Data string `json:"data"`
	DNS  bool   `json:"dns"`
	Etcd bool   `json:"etcd"`
}

func (r *resolution) run(ctx context.Context, client *registrar.Client, arg string) error {
	name, err := r.parse(arg)
	if err != nil {
		return err
	}
	server, err := r.server()
	if err != nil {
		return err
	}
	registry, err := inspectAnswering(ctx, client, name.Service)
	if err != nil {
		return fmt.Errorf("resolving %s: %w", name.Domain, err)
	}
	answers, refusal, err := askAll(ctx, server, &name)
	if err != nil {
		return fmt.Errorf("resolving %s: %s: %w", name.Domain, server, err)
	}
	expected, limit := resolve.Expected(registry.Generation, &name)
	records, differences := resolve.Compare(resolve.Answered(name.Domain, answers), expected, limit, resolve.Full(answers))
	result := &resolved{Name: name.Domain, Server: string(server), Revision: registry.Revision, Error: refusal, Equal: differences == 0 && refusal == ""}
	for _, c := range records {
		result.Records = append(result.Records, resolvedRecord{c.Type, c.Data, c.DNS, c.Etcd})
	}
	if err := r.write(result); err != nil {
		return err
	}
	switch {
	case refusal != "":
		return fmt.Errorf("resolving %s: %s answers %s", name.Domain, server, refusal)
	case differences > 0:
		return fmt.Errorf("resolving %s: %s and etcd differ in %d of %d records%s", name.Domain, server, differences, len(records), r.behind(ctx, server, registry))
	case len(records) == 0:
		return fmt.Errorf("resolving %s: %w: neither %s nor etcd has a record", name.Domain, registrar.ErrNotFound, server)
	}
	return nil
}

// parse parses a name: of a service, or in DNS.
func (r *resolution) parse(arg string) (name resolve.Name, err error) {
	if strings.Contains(arg, ".") {
		name, err = resolve.Parse(arg, r.zone())
	} else {
		var service registrar.ServiceName
		if service, err = registrar.ParseName(arg, r.namespace()); err != nil {
			return resolve.Name{}, err
		}
		name, err = resolve.OfService(service.Name(), service.Selector, r.zone())
	}
	if err != nil {
		return resolve.Name{}, usagef("NAME %w", err)
	}
	if _, valid := dns.IsDomainName(name.Domain); !valid {
		return resolve.Name{}, usagef("NAME %q is too long for DNS", name.Domain)
	}
	return name, nil
}

// server returns the server of --server, or the system's first one.
func (r *resolution) server() (dnsserver.Server, error) {
	if len(r.servers.list) > 0 {
		return r.servers.list[0], nil
	}
	list, err := dnsserver.OfSystem(r.resolvConf)
	if err != nil {
		return "", fmt.Errorf("looking for a DNS server: %w: use --server", err)
	}
	return list[0], nil
}

// askAll asks a server for all types of a name. The refusal, if any, is the last answer
// that is none, such as SERVFAIL.
func askAll(ctx context.Context, server dnsserver.Server, name *resolve.Name) (answers []*dns.Msg, refusal string, err error) {
	for _, qtype := range name.Types() {
		m, err := server.Ask(ctx, name.Domain, qtype)
		if err != nil {
			return nil, "", err
		}
		if text := dnsserver.Refusal(m); text != "" {
			refusal = text
		}
		answers = append(answers, m)
	}
	return answers, refusal, nil
}

// behind says whether a server differs since it is behind.
func (r *resolution) behind(ctx context.Context, server dnsserver.Server, registry *inspect.Registry) string {
	status, err := server.Status(ctx, r.zone())
	switch {
	case err != nil:
		return ""
	case status.State != dnsserver.Live:
		return ": " + status.Explain()
	case status.Revision < registry.LastChange:
		return fmt.Sprintf(": it is at revision %d, the last change at %d", status.Revision, registry.LastChange)
	}
	return ""
}

func (r *resolution) write(result *resolved) error {
	if f := r.globals.output; !f.isTable() {
		return writeData(r.stdout, f, result)
	}
	if len(result.Records) == 0 {
		return nil
	}
	rows := make([][]string, len(result.Records))
	for i, c := range result.Records {
		rows[i] = []string{c.Type, c.Data, yesNo(c.DNS), yesNo(c.Etcd)}
	}
	return writeTable(r.stdout, []string{"TYPE", "RECORD", "DNS", "ETCD"}, rows)
}

// inspectAnswering reads a service, and those that its policy has answer for it. One of
// these that may not be read counts as a service without instances, as with the library.
func inspectAnswering(ctx context.Context, client *registrar.Client, service catalog.ServiceName) (*inspect.Registry, error) {
	keys, revision, err := readKeys(ctx, client, service)
	if err != nil {
		return nil, err
	}
	registry := inspect.New(keys, revision)
	own := registry.Generation.Service(service.Namespace, service.Name)
	if own == nil || !own.Policy().Redirects() {
		return registry, nil
	}
	for _, other := range append([]catalog.ServiceName{own.Policy().Alias}, own.Policy().Failover...) {
		if other.IsZero() {
			continue
		}
		more, at, err := readKeys(ctx, client, other)
		if err != nil && !errors.Is(err, registrar.ErrPermission) {
			return nil, fmt.Errorf("reading %s, which its policy names: %w", other, err)
		}
		keys, revision = append(keys, more...), max(revision, at)
	}
	return inspect.New(keys, revision), nil
}
