// Package etcdserver is the CoreDNS directive etcdserver: it runs one etcd in a process of its own, of the same binary
// (package member), so that service discovery starts with a single program. The etcd is started before any plugin's
// OnStartup, is started again when it fails, outlives reloads that leave the directive as it is, and is stopped after every
// plugin has shut down. It ends with CoreDNS, whatever way that ends.
package etcdserver

import (
	"context"
	"fmt"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin"
)

func init() { plugin.Register(directiveName, setup) }

// positionKey is where an instance keeps the position of its etcdserver, to tell a second one.
type positionKey struct{}

// setup parses the directive and hangs it into the instance's life. It starts nothing itself: a Corefile with an error
// further down must leave no trace.
func setup(c *caddy.Controller) error {
	c.Next()
	position := fmt.Sprintf("%s:%d", c.File(), c.Line())
	if other, ok := c.Get(positionKey{}).(string); ok {
		return plugin.Error(directiveName, c.Errf("%s is already at %s: a process runs one etcd", directiveName, other))
	}
	cfg, err := parse(c)
	if err != nil {
		return plugin.Error(directiveName, err)
	}
	c.Set(positionKey{}, position)

	d := &directive{cfg: cfg, position: position}
	// A start that waits for etcd ends when the process is told to stop.
	ctx, cancel := context.WithCancel(context.Background())
	c.OnFirstStartup(func() error { return d.wrap(d.start(ctx)) })
	c.OnStartup(func() error {
		if err := d.takeOver(); err != nil {
			return d.wrap(err)
		}
		// Registered only now to come after what the plugins registered in their setup: their clients close first.
		c.OnShutdown(d.shutdown)
		return nil
	})
	c.OnRestart(d.restart)
	c.OnRestartFailed(d.restartFailed)
	c.OnFinalShutdown(func() error {
		cancel()
		return d.finalShutdown()
	})
	return nil
}
