package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/coredns/coredns/plugin"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

var (
	errChanged = errors.New("a reload can't change the running etcd, which continues unchanged: " +
		"restart the process to apply the change to etcdserver, or undo it")
	errAdded = errors.New("a reload can't add etcdserver: restart the process")
)

// running is the etcd of this process. It is global because it outlives a reload, in which CoreDNS replaces everything
// that belongs to an instance.
var running struct {
	mu     sync.Mutex
	server *supervisor // nil: none runs
	owner  *directive  // the directive whose instance took the server over last
}

// directive is one etcdserver in one instance of the Corefile. Its methods are the hooks of CoreDNS's life cycle:
//
//	first start:        start, takeOver
//	reload, unchanged:  old.restart, new.takeOver, old.shutdown
//	reload, dropped:    old.restart, old.shutdown (stops the server)
//	reload, failed:     old.restart, perhaps new.takeOver, old.restartFailed
//	TERM or INT:        shutdown, finalShutdown (stops the server)
type directive struct {
	cfg        member.Config
	position   string // file:line
	restarting bool   // a reload of the instance is under way; guarded by running.mu
}

// wrap adds plugin and position to an error.
func (d *directive) wrap(err error) error {
	if err == nil {
		return nil
	}
	return plugin.Error(directiveName, fmt.Errorf("%s: %w", d.position, err))
}

// start starts the server. Only the first start of a process does that, since no hook would stop a server that a reload
// had started before it failed.
func (d *directive) start(ctx context.Context) error {
	running.mu.Lock()
	defer running.mu.Unlock()
	if running.server != nil {
		return nil // takeOver compares
	}
	s, err := supervise(ctx, d.cfg)
	if err != nil {
		return err
	}
	running.server = s
	return nil
}

// takeOver makes d's instance the one that the server belongs to.
func (d *directive) takeOver() error {
	running.mu.Lock()
	defer running.mu.Unlock()
	switch {
	case running.server == nil:
		return errAdded
	case running.server.cfg != d.cfg:
		return errChanged
	}
	running.owner = d
	return nil
}

// restart notes that a reload begins.
func (d *directive) restart() error {
	running.mu.Lock()
	defer running.mu.Unlock()
	d.restarting = true
	return nil
}

// restartFailed takes the server back from an instance that came to nothing.
func (d *directive) restartFailed() error {
	running.mu.Lock()
	defer running.mu.Unlock()
	d.restarting = false
	running.owner = d
	return nil
}

// shutdown stops the server if a reload has dropped the directive: no newer instance took it over.
func (d *directive) shutdown() error {
	running.mu.Lock()
	defer running.mu.Unlock()
	if d.restarting && running.owner == d {
		stopRunning()
	}
	return nil
}

// finalShutdown stops the server with the process. CoreDNS calls it after the OnShutdown of all plugins.
func (d *directive) finalShutdown() error {
	running.mu.Lock()
	defer running.mu.Unlock()
	stopRunning()
	return nil
}

// stopRunning stops the server, if one runs. The caller holds running.mu.
func stopRunning() {
	if running.server != nil {
		running.server.stop()
	}
	running.server, running.owner = nil, nil
}
