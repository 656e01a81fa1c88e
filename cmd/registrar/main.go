// Command registrar writes services into a Roster registry and reads them back.
//
// Data goes to standard output and everything else to standard error, so that
// output can be piped. The exit codes are in exit.go.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/endsignal"
	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
	"github.com/rosterdns/roster/cmd/registrar/internal/supervise"
	"github.com/rosterdns/roster/internal/logqueue"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/etcd"
)

func main() { os.Exit(main1()) }

// flushTimeout is how long the end of the command, and what comes after a message, waits
// for whoever reads messages.
const flushTimeout = time.Second

// main1 is main without the exit, so that it runs inside tests too.
func main1() int {
	// Messages that nobody reads must not hold up a registration, nor its end.
	stderr, messages := logqueue.NewWriter(os.Stderr)
	a := system(stderr)
	a.flush = func() { messages.Flush(time.Now().Add(flushTimeout)) }
	defer a.flush()
	return a.run(context.Background(), os.Args[1:])
}

// system returns the command as it is outside of tests.
func system(stderr io.Writer) *app {
	return &app{
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: stderr,
		flush:  func() {},
		getenv: os.Getenv,
		open: func(ctx context.Context, opts ...registrar.Option) (*registrar.Client, error) {
			return registrar.Open(ctx, etcd.Name, opts...)
		},
		etcd:       connectEtcd,
		resolvConf: "/etc/resolv.conf",
		signals:    terminations,
		machine:    localaddr.This(),
		oneProcessor: func() {
			if os.Getenv("GOMAXPROCS") == "" {
				runtime.GOMAXPROCS(1)
			}
		},
		commandSignals: supervise.Signals,
	}
}

// terminations asks for the signals that end a process: the one of Ctrl-C, that of
// process managers, and that of a terminal which goes away, unless it is ignored,
// as under nohup. A reader of standard error that goes away is none
// of them, and must not end a registration; that stays so, so that the exit
// code comes through even if the last message doesn't. The signal is taken rather
// than ignored: what this process starts would inherit that.
func terminations() (<-chan os.Signal, func()) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	received := make(chan os.Signal, 2) // room for the second one, which is the more urgent
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(received, syscall.SIGHUP)
	}
	once, end := endsignal.Once(received)
	return once, func() {
		signal.Stop(received)
		end()
	}
}
