package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/health"
)

// checkFlags are the flags that say how an instance is checked.
type checkFlags struct {
	spec              *health.Spec // nil for none
	interval, timeout time.Duration
	rise, fall        int
}

// schemes are what a check can begin with.
var schemes = []string{"http://", "https://", "tcp://", "grpc://", "grpcs://", "exec:"}

// add defines the flags.
func (f *checkFlags) add(cmd *cobra.Command, usage string) {
	fs := cmd.Flags()
	usage += ", as `CHECK`: http://[HOST][:PORT]/PATH, or so with https, tcp, grpc or grpcs; or exec:COMMAND"
	fs.Func("check", usage, func(text string) error {
		spec, err := health.ParseSpec(text)
		f.spec = &spec
		return err
	})
	mustCompleteBy(cmd, "check", cobra.FixedCompletions(schemes, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
	fs.DurationVar(&f.interval, "check-interval", health.DefaultInterval, "check every `DURATION`; until the first success more often")
	fs.DurationVar(&f.timeout, "check-timeout", health.DefaultTimeout, "a check fails that takes longer than `DURATION`")
	fs.IntVar(&f.rise, "check-rise", health.DefaultRise, "up after `N` successes in a row")
	fs.IntVar(&f.fall, "check-fall", health.DefaultFall, "down after `N` failures in a row")
}

// valid finds what is wrong with the flags.
func (f *checkFlags) valid() error {
	switch {
	case f.interval <= 0:
		return usagef("--check-interval %v must be more than 0", f.interval)
	case f.timeout <= 0:
		return usagef("--check-timeout %v must be more than 0", f.timeout)
	case f.rise < 1:
		return usagef("--check-rise %d must be at least 1", f.rise)
	case f.fall < 1:
		return usagef("--check-fall %d must be at least 1", f.fall)
	}
	return nil
}

// checker returns what checks an instance. A command that checks it is told of it.
func (f *checkFlags) checker(name registrar.ServiceName, in *registrar.Instance) (*health.Checker, error) {
	probe, err := f.spec.Probe(in)
	if err != nil {
		return nil, err
	}
	if command, ok := probe.(*health.Exec); ok {
		command.Env = append(os.Environ(), instanceEnvironment(name, in)...)
	}
	return &health.Checker{Probe: probe, Interval: f.interval, Timeout: f.timeout, Rise: f.rise, Fall: f.fall}, nil
}
