package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
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
	roots             *x509.CertPool // nil for the system's
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
	fs.Func("check-cacert", "`FILE` with the CA certificates that sign those of the instances, for https and grpcs (default: the system's)", func(path string) (err error) {
		f.roots, err = readRoots(path)
		return err
	})
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
	case f.roots != nil && !strings.HasPrefix(f.spec.String(), "https:") && !strings.HasPrefix(f.spec.String(), "grpcs:"):
		return usagef("--check-cacert is for --check https:// and grpcs://")
	}
	return nil
}

// readRoots reads the CA certificates in a file.
func readRoots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("file %q has no certificate in PEM", path)
	}
	return roots, nil
}

// checker returns what checks an instance. A command that checks it is told of it.
func (f *checkFlags) checker(name registrar.ServiceName, in *registrar.Instance) (*health.Checker, error) {
	probe, err := f.spec.Probe(in)
	if err != nil {
		return nil, err
	}
	switch p := probe.(type) {
	case *health.Exec:
		p.Env = append(os.Environ(), instanceEnvironment(name, in)...)
	case *health.HTTP:
		p.TLS = &tls.Config{RootCAs: f.roots, MinVersion: tls.VersionTLS12}
	case *health.GRPC:
		if p.TLS != nil {
			p.TLS.RootCAs = f.roots
		}
	}
	return &health.Checker{Probe: probe, Interval: f.interval, Timeout: f.timeout, Rise: f.rise, Fall: f.fall}, nil
}
