package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/passwordfile"
)

// defaultTimeout is as long as a user at a terminal waits without wondering,
// and outlasts an election of etcd's (some 3 s).
const defaultTimeout = 5 * time.Second

// defaultZone is the zone of the sample Corefile.
const defaultZone = "svc.internal"

// globals are the flags that all commands have.
type globals struct {
	endpoints         []string
	prefix, namespace string
	zone              string
	output            format
	timeout           time.Duration

	cacert, cert, key  string
	user, passwordFile string
	verbose, quiet     bool
}

func (g *globals) add(fs *pflag.FlagSet) {
	fs.SortFlags = false // by what they are for
	fs.StringSliceVar(&g.endpoints, "endpoints", []string{etcdclient.DefaultEndpoint}, "endpoints of etcd, as `URL,...`")
	fs.Lookup("endpoints").DefValue = etcdclient.DefaultEndpoint // as it is given, without brackets
	g.prefix = catalog.DefaultPrefix
	fs.Var(text{&g.prefix}, "prefix", "etcd `PATH` of the registry")
	g.zone = defaultZone
	fs.Var(text{&g.zone}, "zone", "`ZONE` of the registry in DNS")
	fs.VarP(text{&g.namespace}, "namespace", "n", "`NAMESPACE` of services given without one (default \"default\"; of list, export, status and doctor: all)")
	g.output = formatTable
	fs.VarP(&g.output, "output", "o", "output as `FORMAT`: "+formatNames("|"))
	fs.DurationVar(&g.timeout, "timeout", defaultTimeout, "give up after `DURATION`, such as 500ms or 10s; commands that run until they are stopped never do")
	fs.Var(text{&g.cacert}, "cacert", "`FILE` with the CA certificates that sign etcd's server certificates (default: the system's)")
	fs.Var(text{&g.cert}, "cert", "`FILE` with the client certificate")
	fs.Var(text{&g.key}, "key", "`FILE` with the key of the client certificate")
	fs.Var(text{&g.user}, "user", "`NAME` of the etcd user")
	fs.Var(text{&g.passwordFile}, "password-file", "`FILE` with the user's password and nothing else")
	fs.BoolVarP(&g.quiet, "quiet", "q", false, "print no messages but errors and warnings")
	fs.BoolVarP(&g.verbose, "verbose", "v", false, "print the library's log to standard error")
}

// check finds what is wrong with the flags as far as they alone show it.
func (g *globals) check() error {
	switch {
	case g.timeout <= 0:
		return usagef("--timeout %v must be more than 0", g.timeout)
	case !validZone(g.zone):
		return usagef("--zone %q is not a domain name", g.zone)
	case len(g.endpoints) == 0:
		return usagef("--endpoints is empty: give at least one URL such as %s", etcdclient.DefaultEndpoint)
	case (g.user == "") != (g.passwordFile == ""):
		return usagef("--user and --password-file must be given together")
	case (g.cert == "") != (g.key == ""):
		return usagef("--cert and --key must be given together")
	}
	_, err := catalog.CleanPrefix(g.prefix)
	if err == nil && g.namespace != "" {
		err = catalog.CheckNamespace(g.namespace)
	}
	if err != nil {
		return usagef("--%w", err) // which starts with the name of the field, and so of the flag
	}
	if err := (&etcdclient.Config{Endpoints: g.endpoints}).Check(); err != nil {
		return usagef("--endpoints: %w", err)
	}
	return nil
}

// prefixGiven reports whether the prefix is another than that of who gives none.
func (g *globals) prefixGiven() bool {
	clean, err := catalog.CleanPrefix(g.prefix)
	return err == nil && clean != catalog.DefaultPrefix
}

// searched says where services are looked for, and what to check where there is nothing.
func (g *globals) searched() string {
	scope, hint := "any namespace", ""
	if g.namespace != "" {
		scope = fmt.Sprintf("namespace %q", g.namespace)
	} else if g.prefixGiven() {
		hint = ": check --prefix"
	}
	return fmt.Sprintf("%s below prefix %q%s", scope, g.prefix, hint)
}

// readPassword reads the file of --password-file.
func readPassword(path string) (string, error) {
	password, err := passwordfile.Read(path)
	if err != nil {
		return "", usagef("--password-file: %w", err)
	}
	return password, nil
}
