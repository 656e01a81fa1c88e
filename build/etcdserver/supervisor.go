package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rosterdns/roster/build/etcdserver/member"
	"github.com/rosterdns/roster/internal/backoff"
)

const (
	// Pauses between tries to start etcd again: short at first, since a restart is a remedy for most faults, and long enough later
	// that tries to no avail cost little.
	restartBase  = time.Second
	restartLimit = 30 * time.Second
)

// server is an etcd that runs; the methods are child's.
type server interface {
	// serving is closed once clients are served.
	serving() <-chan struct{}
	// ended is closed once the process is gone; reason is why, after that.
	ended() <-chan struct{}
	reason() error
	// stop ends it in good order, or else by force.
	stop()
}

// supervisor keeps an etcd running: it starts etcd again when that has ended, for DNS goes on without it. It is safe for
// concurrent use.
type supervisor struct {
	cfg   member.Config
	lock  *os.File
	start func(context.Context) (server, error) // again

	outage  outage
	backoff *backoff.Backoff
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// supervise starts an etcd and looks after it until stop is called. An etcd that fails at its first start is not started
// again: the user is told what to do.
func supervise(ctx context.Context, cfg member.Config) (*supervisor, error) {
	lock, err := lockDataDir(ctx, cfg.DataDir)
	if err != nil {
		return nil, err
	}
	s := newSupervisor(cfg)
	s.lock = lock
	first, err := s.startProcess(ctx, false)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	s.begin(first)
	return s, nil
}

func newSupervisor(cfg member.Config) *supervisor {
	s := &supervisor{
		cfg:     cfg,
		outage:  outage{dir: cfg.DataDir},
		backoff: backoff.New(restartBase, restartLimit),
	}
	s.start = func(ctx context.Context) (server, error) { return s.startProcess(ctx, true) }
	return s
}

// startProcess starts an etcd and waits until it serves clients, unless it is one of several members: these may need each
// other, and be started one after the other.
func (s *supervisor) startProcess(ctx context.Context, again bool) (server, error) {
	c, err := launch(s.cfg, s.lock, again)
	if err != nil {
		return nil, err
	}
	select {
	case <-c.report.started:
		return c, nil
	case <-c.serving():
		return c, nil
	case <-c.ended():
		return nil, c.reason()
	case <-ctx.Done():
		c.stop()
		return nil, fmt.Errorf("%w while etcd with data folder %q was starting", errStopped, s.cfg.DataDir)
	}
}

// begin looks after an etcd that runs.
func (s *supervisor) begin(first server) {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.running.Go(func() { s.run(ctx, first) })
}

// stop ends the etcd, or the tries to start it. Ports and data folder are free when it returns.
func (s *supervisor) stop() {
	s.cancel()
	s.running.Wait()
	_ = s.lock.Close() // in tests there may be none
}

func (s *supervisor) run(ctx context.Context, etcd server) {
	for etcd != nil {
		reason := s.attend(ctx, etcd)
		up.Set(0)
		switch {
		case reason == nil:
			etcd.stop()
			return
		case errors.Is(reason, errRemoved):
			log.Errorf("etcd with data folder %q has stopped by itself, which means that it was removed from its cluster: "+
				"to add it again, move the folder away and add it as a new member, as the README of etcdserver says", s.cfg.DataDir)
			return
		}
		s.outage.begin(reason)
		etcd = s.restart(ctx)
	}
}

// attend waits until the etcd has ended, for the reason that it returns, or returns nil when it is to be stopped.
func (s *supervisor) attend(ctx context.Context, etcd server) error {
	var since time.Time
	var settled <-chan time.Time
	serving := etcd.serving()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-etcd.ended():
			return etcd.reason()
		case <-serving:
			serving, since = nil, time.Now()
			up.Set(1)
			settled = time.After(member.SettleTime)
		case <-settled:
			s.outage.end(since)
			s.backoff.Reset()
		}
	}
}

// restart starts etcd until that works. It returns nil if etcd is to be stopped.
func (s *supervisor) restart(ctx context.Context) server {
	for s.backoff.Wait(ctx) == nil {
		restarts.Inc()
		s.outage.tries++
		etcd, err := s.start(ctx)
		if err == nil {
			return etcd
		}
		if ctx.Err() == nil {
			s.outage.again(err)
		}
	}
	return nil
}
