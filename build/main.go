// Command coredns is CoreDNS with all of its own plugins, etcdserver and roster. It is also the process in which etcdserver
// runs etcd.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rosterdns/roster/build/etcdserver"
	"github.com/rosterdns/roster/build/etcdserver/member"

	_ "github.com/coredns/coredns/core/plugin" // CoreDNS's own plugins
	_ "github.com/rosterdns/roster/plugin/roster"
)

const (
	// ballastSize counts as memory in use for the garbage collector, which so runs a fifth as often while a registry is
	// small: each run takes some 15 ms on two processors, in which queries wait. Nothing is written to it, so that it takes
	// no memory itself; what is allocated until a run is more by about as much.
	ballastSize = 40 << 20
	// gcPercent is how much is allocated until a run, in percent of what is in use. Go's own 100 doubles the memory of a
	// large registry; with this a run comes a fifth sooner, of which there are few then.
	gcPercent = 80
)

func main() {
	if member.IsMember() {
		os.Exit(member.Main())
	}
	// A log whose reader has gone away ends nothing: without this, a write to standard output or error would end CoreDNS.
	signal.Ignore(syscall.SIGPIPE)
	etcdserver.HideEtcdMetrics(prometheus.DefaultRegisterer.(*prometheus.Registry))
	directives, err := insertDirectives(dnsserver.Directives)
	if err != nil {
		fmt.Fprintln(os.Stderr, "coredns:", err)
		os.Exit(1)
	}
	dnsserver.Directives = directives
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ballast := make([]byte, ballastSize)
	coremain.Run()
	runtime.KeepAlive(ballast)
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
