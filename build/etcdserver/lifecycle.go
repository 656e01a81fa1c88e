package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/coredns/coredns/plugin"
)

var (
	errChanged = errors.New("a reload can't change the etcd that runs; it goes on as it was: " +
		"restart the process to change etcdserver, or undo the change")
	errAdded = errors.New("a reload can't add etcdserver: restart the process")
)

// process is the etcd of this process. It is global because it outlives a reload, in which CoreDNS replaces everything
// that belongs to an instance.
var process struct {
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
	cfg        config
	position   string // file:line
	restarting bool   // a reload of the instance is under way; guarded by process.mu
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
	process.mu.Lock()
	defer process.mu.Unlock()
	if process.server != nil {
		return nil // takeOver compares
	}
	s, err := supervise(ctx, d.cfg)
	if err != nil {
		return err
	}
	process.server = s
	return nil
}

// takeOver makes d's instance the one that the server belongs to.
func (d *directive) takeOver() error {
	process.mu.Lock()
	defer process.mu.Unlock()
	switch {
	case process.server == nil:
		return errAdded
	case process.server.cfg != d.cfg:
		return errChanged
	}
	process.owner = d
	return nil
}

// restart notes that a reload begins.
func (d *directive) restart() error {
	process.mu.Lock()
	defer process.mu.Unlock()
	d.restarting = true
	return nil
}

// restartFailed takes the server back from an instance that came to nothing.
func (d *directive) restartFailed() error {
	process.mu.Lock()
	defer process.mu.Unlock()
	d.restarting = false
	process.owner = d
	return nil
}

// shutdown stops the server if a reload has dropped the directive: no newer instance took it over.
func (d *directive) shutdown() error {
	process.mu.Lock()
	defer process.mu.Unlock()
	if d.restarting && process.owner == d {
		stopProcess()
	}
	return nil
}

// finalShutdown stops the server with the process. CoreDNS calls it after the OnShutdown of all plugins.
func (d *directive) finalShutdown() error {
	process.mu.Lock()
	defer process.mu.Unlock()
	stopProcess()
	return nil
}

// stopProcess stops the server, if one runs. The caller holds process.mu.
func stopProcess() {
	if process.server != nil {
		process.server.stop()
	}
	process.server, process.owner = nil, nil
}
