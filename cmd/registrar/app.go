package main

import (
	"context"
	"io"
	"os"

	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar"
)

// app is one run of the command: what it works with from outside, and the
// global flags.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
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
