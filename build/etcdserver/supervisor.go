package etcdserver

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

const (
	// checkEvery is how often free space is looked at, which costs a system call.
	checkEvery = time.Second

	// settleTime is how long an etcd has to serve before an outage counts as ended, so that one that fails again and
	// again is one outage in the log.
	settleTime = 5 * time.Second

	// Pauses between tries to start etcd again: short at first, since a restart mends most faults, and long enough later
	// that tries to no avail cost little.
	restartBase  = time.Second
	restartLimit = 30 * time.Second
)

// errStarved is why an etcd is replaced that could not allocate the next file of its log: it would fail at the end of the
// present one, even though there is space now.
var errStarved = errors.New("it could not prepare the next file of its log while the disk was full")

// member is a running etcd; the methods are server's.
type member interface {
	alarms
	ready() <-chan struct{}
	failed() <-chan struct{}
	reason() error
	ended() <-chan struct{}
	speak()
	stop() error
}

// supervisor keeps an etcd running: it watches over the disk, and starts etcd again when it has failed, for DNS goes on
// without it. It is safe for concurrent use.
type supervisor struct {
	cfg   config
	start func(context.Context) (member, error) // quietly

	guard   guard
	outage  outage
	backoff *backoff.Backoff
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// supervise starts an etcd and looks after it until stop is called. An etcd that fails at its first start is not started
// again: the user is told what to do.
func supervise(ctx context.Context, cfg config) (*supervisor, error) {
	s := newSupervisor(cfg)
	first, err := startServer(ctx, cfg, &s.guard, false)
	if err != nil {
		return nil, err
	}
	s.begin(first)
	return s, nil
}

func newSupervisor(cfg config) *supervisor {
	s := &supervisor{
		cfg:     cfg,
		guard:   guard{dir: cfg.dataDir, space: diskSpace},
		outage:  outage{dir: cfg.dataDir},
		backoff: backoff.New(restartBase, restartLimit),
	}
	s.start = func(ctx context.Context) (member, error) {
		etcd, err := startServer(ctx, s.cfg, &s.guard, true)
		if err != nil {
			return nil, err // not a member that holds a nil server
		}
		return etcd, nil
	}
	return s
}

// begin looks after an etcd that runs.
func (s *supervisor) begin(first member) {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.running.Go(func() { s.run(ctx, first) })
}

// stop ends the etcd, or the tries to start it. Ports and data folder are free when it returns.
func (s *supervisor) stop() {
	s.cancel()
	s.running.Wait()
}

func (s *supervisor) run(ctx context.Context, etcd member) {
	for etcd != nil {
		reason := s.attend(ctx, etcd)
		up.Set(0)
		if reason != nil {
			s.outage.begin(reason)
		}
		err := etcd.stop()
		switch {
		case err != nil:
			log.Errorf("etcd with data folder %q stays down until the process is restarted: %v", s.cfg.dataDir, err)
			return
		case reason == nil:
			return
		}
		etcd = s.restart(ctx)
	}
}

// attend waits until there is a reason to replace the etcd, or returns nil when it is no longer wanted. It only ever selects:
// an etcd that fails may answer nothing any more.
func (s *supervisor) attend(ctx context.Context, etcd member) error {
	ctx, cancel := context.WithCancel(ctx) // ends an alarm that is being raised
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	settle := time.NewTimer(settleTime)
	settle.Stop()
	lookout := newLookout(&s.guard, etcd)
	defer lookout.leave()
	defer cancel()
	lookout.look()
	ready, ended := etcd.ready(), etcd.ended()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-etcd.failed():
			return etcd.reason()
		case <-ready:
			ready = nil
			up.Set(1)
			settle.Reset(settleTime)
		case <-settle.C:
			if hasFailed(etcd) {
				return etcd.reason()
			}
			etcd.speak()
			s.outage.end()
			s.backoff.Reset()
		case <-ended:
			if hasFailed(etcd) { // why it ended
				return etcd.reason()
			}
			ended = nil
			up.Set(0)
			settle.Stop()
			check.Stop()
			log.Errorf("etcd with data folder %q has stopped by itself, as a member does that was removed from its cluster; "+
				"restart the process to start it again", s.cfg.dataDir)
		case <-check.C:
			lookout.look()
		case v := <-lookout.views:
			if hasFailed(etcd) {
				return etcd.reason()
			}
			order := lookout.judge(v)
			if v.starved && s.guard.roomForLog() {
				return errStarved
			}
			lookout.act(ctx, order)
		case <-lookout.acted:
			lookout.done()
		}
	}
}

// restart starts etcd until that works. It returns nil if etcd is no longer wanted.
func (s *supervisor) restart(ctx context.Context) member {
	for {
		if s.backoff.Wait(ctx) != nil || s.awaitRoom(ctx) != nil {
			return nil
		}
		restarts.Inc()
		s.outage.tries++
		etcd, err := s.start(ctx)
		if err == nil {
			return etcd
		}
		if ctx.Err() != nil {
			return nil
		}
		s.outage.again(err)
	}
}

// awaitRoom waits until there is space for etcd, or for ctx, whose error it then returns. An etcd that starts without space
// fails at once, and leaves something behind each time.
func (s *supervisor) awaitRoom(ctx context.Context) error {
	for {
		measured := make(chan measurement, 1)
		go func() { measured <- s.guard.measure() }() // which hangs with the disk, as lookout's calls do
		select {
		case m := <-measured:
			s.guard.note(m)
		case <-ctx.Done():
			return ctx.Err()
		}
		if s.guard.room() {
			return nil
		}
		s.outage.waitForSpace(&s.guard)
		if err := backoff.Sleep(ctx, checkEvery); err != nil {
			return err
		}
	}
}
