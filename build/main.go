// Command coredns is CoreDNS with all of its own plugins, etcdserver and roster.
package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/core/plugin" // CoreDNS's own plugins
	_ "github.com/rosterdns/roster/build/etcdserver"
	_ "github.com/rosterdns/roster/plugin/roster"
)

func main() {
	directives, err := insertDirectives(dnsserver.Directives)
	if err != nil {
		fmt.Fprintln(os.Stderr, "coredns:", err)
		os.Exit(1)
	}
	dnsserver.Directives = directives
	coremain.Run()
}

// insertDirectives puts Roster's directives right before CoreDNS's etcd. etcdserver comes first, for the order of
// directives is the order of start: roster finds etcd running.
func insertDirectives(directives []string) ([]string, error) {
	const before = "etcd"
	i := slices.Index(directives, before)
	if i < 0 {
		return nil, fmt.Errorf("CoreDNS has no directive %q any more to put etcdserver and roster before", before)
	}
	return slices.Insert(slices.Clone(directives), i, "etcdserver", "roster"), nil
}
