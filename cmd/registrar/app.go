package main

import (
	"context"
	"io"
	"os"

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
	// signals yields the signals that end a registration until stop is called.
	signals func() (received <-chan os.Signal, stop func())
	// commandSignals yields those that are for a command that is run, too.
	commandSignals func() (received <-chan os.Signal, stop func())

	globals globals
}
