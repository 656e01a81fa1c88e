package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar"
)

// app is one run of the command: what it works with from outside, and the
// global flags.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	// flush waits until what was written to stderr is there, if somebody reads it.
	flush  func()
	getenv func(string) string
	// open opens a client of the registry; it does no I/O.
	open func(context.Context, ...registrar.Option) (*registrar.Client, error)
	// etcd connects to etcd itself, for what is no part of a registry; close releases it.
	etcd func(context.Context, etcdclient.Config) (conn etcdClient, close func(), err error)
	// resolvConf is the file that names the system's DNS servers.
	resolvConf string
	// signals yields the signals that end a registration until stop is called.
	signals func() (received <-chan os.Signal, stop func())
	// oneProcessor has the process use one processor: one that mostly sleeps has nothing
	// to do at once, and wakes a single thread for each event.
	oneProcessor func()
	// machine has the addresses to register.
	machine localaddr.Machine
	// commandSignals yields those that are for a command that is run, too.
	commandSignals func() (received <-chan os.Signal, stop func())

	globals globals
}

// namespace returns that of services that name none.
func (a *app) namespace() string {
	if a.globals.namespace == "" {
		return registrar.DefaultNamespace
	}
	return a.globals.namespace
}

// notef tells the user something that is neither data nor an error, unless --quiet is
// given: that all is well.
func (a *app) notef(format string, args ...any) {
	if !a.globals.quiet {
		a.warnf(format, args...)
	}
}

// warnf is notef for what the user has to know even so.
func (a *app) warnf(format string, args ...any) {
	fmt.Fprintf(a.stderr, prefix+"%s\n", plain(fmt.Sprintf(format, args...)))
}

// zone returns the zone of --zone without a dot at its end.
func (a *app) zone() string { return strings.TrimSuffix(a.globals.zone, ".") }
