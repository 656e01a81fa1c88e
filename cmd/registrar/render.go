package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/cmd/registrar/internal/command"
	"github.com/rosterdns/roster/cmd/registrar/internal/render"
	"github.com/rosterdns/roster/registrar"
)

// rendering is what the render command is asked to do.
type rendering struct {
	*app
	once bool
	min  int
	wait render.Wait

	out     string
	printed []byte           // to standard output; nil before the first text
	command *command.Command // nil if there is none
}

// renderHelp is what the command render says of itself.
const renderHelp = `Render writes the file OUT ("-": standard output) from TEMPLATE, and again when
the services in it change, until it receives INT (Ctrl-C) or TERM. TEMPLATE is a
text/template of Go with these functions:

  service NAME           the instances of a service, in order of their IDs; NAME
                         as get takes it, such as "prod/orders?tag=canary"
  optional NAME          the same of a service that can have no instances
  services [NAMESPACE]   the names of services, as NAMESPACE/SERVICE
  up LIST                those of a list of instances that are up
  withPort NAME LIST     those that have a port of that name
  port NAME INSTANCE     the number of that port; "" names the first one
  addrPort NAME INSTANCE its first address with that port: 10.0.0.7:8080
  hostPort NAME INSTANCE the same, for instances with a host too
  json VALUE             a value as JSON
  sort LIST, join SEPARATOR LIST, replace OLD NEW TEXT, env VARIABLE

An instance has .ID, .Addresses, .Host, .Ports, .Weight, .Priority, .Locality,
.Tags, .Metadata and .Status. Services are watched, and so is their list where
it is used: a new one is in the file at once. That takes the right to read the
namespace, or all of them.

OUT is replaced as a whole, only if its text changes, and keeps mode and owner.
It stays as it is while etcd is unavailable, the template fails, or a service
has fewer instances than --min, so that an outage leaves no empty file.

After OUT was written CMD is run, without a shell. If it fails, that is
reported, and it runs again after a second, later up to a minute. When render
ends, CMD and what it has started get TERM, and five seconds later KILL; a
second signal ends render at once.

With --once it writes OUT, runs CMD if OUT has changed, and exits.`

func newRenderCommand(a *app) *cobra.Command {
	r := &rendering{app: a, wait: render.DefaultWait}
	cmd := &cobra.Command{
		Use:                   "render TEMPLATE OUT [flags] [-- CMD [ARG...]]",
		DisableFlagsInUseLine: true,
		Short:                 "Write a file from a template over services",
		Long:                  renderHelp,
		Example: `  registrar render hosts.tmpl /etc/hosts.roster
  registrar render haproxy.tmpl haproxy.cfg -- systemctl reload haproxy
  registrar render up.tmpl up.conf -- sh -c 'nginx -t && nginx -s reload'
  registrar render upstream.tmpl - --once --min 0`,
		Args: func(cmd *cobra.Command, args []string) error {
			_, _, err := splitCommand(cmd, args, "TEMPLATE", "OUT")
			return err
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			own, command, err := splitCommand(cmd, args, "TEMPLATE", "OUT")
			if err != nil {
				return err
			}
			return r.run(cmd.Context(), own[0], own[1], command)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.BoolVar(&r.once, "once", false, "write OUT once, within --timeout, then exit")
	fs.IntVar(&r.min, "min", 1, "write OUT only if each service has at least `N` instances")
	fs.Func("wait", "gather changes as `MIN[:MAX]`: until there was none for MIN, at most for MAX (default "+render.DefaultWait.String()+"; MAX: four times MIN)", func(text string) (err error) {
		r.wait, err = render.ParseWait(text)
		return err
	})
	return cmd
}

func (r *rendering) run(ctx context.Context, template, out string, args []string) (err error) {
	parsed, err := r.parse(template)
	if err != nil {
		return err
	}
	if args != nil {
		if r.command, err = newCommand(r.stdout, args); err != nil {
			return err
		}
	}
	client, err := r.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close() // has nothing to lose
	r.out = out
	renderer := &render.Renderer{
		Template: parsed,
		Write:    r.write,
		Watch:    render.Watch{Service: client.Watch, Services: watchLists(client)},
		Wait:     r.wait,
		Note:     r.note,
	}
	ctx, stop := untilSignal(ctx, r.signals)
	defer stop()
	if r.once {
		return r.renderOnce(ctx, client, renderer)
	}
	reload := command.NewRunner(ctx, func(ctx context.Context, _ struct{}) error { return r.reload(ctx) }, commandFailed(r.app))
	defer reload.Close()
	renderer.Written = func() {
		r.notef("wrote %s", r.target())
		reload.Submit(struct{}{})
	}
	err = renderer.Run(ctx)
	stop() // a second signal doesn't wait for CMD
	return endOfReader(err)
}

// parse reads and parses TEMPLATE.
func (r *rendering) parse(template string) (*render.Template, error) {
	if r.min < 0 {
		return nil, usagef("--min %d must not be negative", r.min)
	}
	text, err := os.ReadFile(template)
	if err != nil {
		return nil, usagef("TEMPLATE: %w", err)
	}
	return render.Parse(filepath.Base(template), string(text), r.namespace(), r.min)
}

// anyService is one to ask for where the template alone says which ones it needs.
const anyService = "any"

func (r *rendering) renderOnce(ctx context.Context, client *registrar.Client, renderer *render.Renderer) error {
	changed := false
	renderer.Written = func() { changed = true }
	renderer.Contact = func(ctx context.Context) error { return contact(ctx, client, r.namespace(), anyService) }
	limited, cancel := context.WithTimeout(ctx, r.globals.timeout)
	defer cancel()
	err := renderer.Once(limited)
	switch {
	case errors.Is(err, registrar.ErrNotFound):
		return r.withMin(err)
	case err != nil && ctx.Err() != nil:
		return nil // a signal
	case err != nil || !changed:
		return err
	}
	r.notef("wrote %s", r.target())
	if err := r.reload(ctx); err != nil {
		return fmt.Errorf("command failed: %w", err)
	}
	return nil
}

// standardOutput is the OUT that stands for it.
const standardOutput = "-"

// target names OUT in messages.
func (r *rendering) target() string {
	if r.out == standardOutput {
		return "standard output"
	}
	return r.out
}

func (r *rendering) write(text []byte) (changed bool, err error) {
	if r.out == standardOutput {
		if changed = r.printed == nil || !bytes.Equal(text, r.printed); changed {
			_, err = r.stdout.Write(text)
			r.printed = append([]byte{}, text...)
		}
		return changed, err
	}
	return render.WriteFile(r.out, text)
}

// reload runs CMD.
func (r *rendering) reload(ctx context.Context) error {
	if r.command == nil {
		return nil
	}
	r.flush() // what the command prints comes after "wrote"
	return r.command.Run(ctx, nil, nil)
}

// note tells the user what holds up the file.
func (r *rendering) note(reason error) {
	if reason == nil {
		r.notef("%s is up to date again", r.target())
		return
	}
	r.notef("%s is left as it is: %s", r.target(), withHint(r.withMin(reason)))
}

// withMin adds what a user can do about too few instances.
func (r *rendering) withMin(err error) error {
	if errors.Is(err, render.ErrFew) {
		return fmt.Errorf("%w: --min %d asks for more: give less, or use \"optional\" in the template", err, r.min)
	}
	return err
}
