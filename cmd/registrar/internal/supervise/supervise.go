package supervise

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	// killedTimeout is how long processes that were killed can take to end, as those do
	// that wait for a disk; a command that takes longer is left to the kernel.
	killedTimeout = 5 * time.Second
	// groupPause is how often processes that the command has left behind are looked
	// after: nothing tells when the last one of a group ends.
	groupPause = 50 * time.Millisecond
)

// Config is a command, and how it ends.
type Config struct {
	// Path is the program of the command.
	Path string
	// Args is the command and its arguments, Env its whole environment.
	Args, Env []string
	// DrainDelay is how long it goes on once clients are told to stay away. Where the
	// command has ended by itself, Run returns that much later.
	DrainDelay time.Duration
	// KillAfter is how long its process group has to end, once it was sent the signal,
	// before it is killed.
	KillAfter time.Duration
	// Signals is those of Signals.
	Signals <-chan os.Signal
	// Started is called once the command runs.
	Started func()
	// Drain tells clients to stay away, and returns when that is done, or as far as it is
	// possible now. It reports whether clients know of the instance at all: otherwise
	// there is no delay. It is called once, by a goroutine that Run waits for.
	Drain func() bool
	// Notef tells the user.
	Notef func(format string, args ...any)
}

// Run runs a command with this process's standard streams until it and its process group
// have ended and clients had the time to notice, and returns its exit code: 128 and the
// number of the signal for one that a signal ended. TERM, INT and the end of ctx make it
// end; other signals are passed on. An error says that it was not started.
func Run(ctx context.Context, cfg Config) (code int, err error) {
	p, err := start(cfg.Path, cfg.Args, cfg.Env)
	if err != nil {
		return 0, err
	}
	cfg.Started()
	s := &supervisor{Config: cfg, process: p, drained: make(chan bool, 1), stopSignal: syscall.SIGTERM}
	s.timer = time.NewTimer(0)
	s.timer.Stop()
	defer s.timer.Stop()
	s.loop(ctx)
	p.restoreTerminal()
	if s.drains {
		<-s.drained
	}
	return s.code, nil
}

// supervisor is a command that runs.
type supervisor struct {
	Config
	process *process

	state      state
	stopSignal syscall.Signal // what the process group is sent
	timer      *time.Timer    // of the state
	drains     bool           // Drain was called, and what it returns was not received
	drained    chan bool
	ended      bool
	code       int
}

func (s *supervisor) loop(ctx context.Context) {
	done := ctx.Done()
	var look <-chan time.Time // nil while the command itself runs
	for s.state != over {
		select {
		case sig := <-s.Signals:
			s.signal(sig)
		case <-done:
			done = nil
			s.take(asked)
		case change := <-s.process.changes:
			if !change.ended {
				s.process.stopped()
				continue
			}
			s.ended, s.code = true, change.code
			ticker := time.NewTicker(groupPause)
			defer ticker.Stop()
			look = ticker.C
			s.take(s.remaining())
		case <-look:
			if s.remaining() == gone {
				look = nil
				s.take(gone)
			}
		case known := <-s.drained:
			s.drains = false
			if !known {
				s.DrainDelay = 0
			}
			s.take(drained)
		case <-s.timer.C:
			s.take(elapsed)
		}
	}
	if !s.ended {
		s.Notef("the command does not end although it was killed: leaving it to the kernel")
		s.code = codeSignal + int(syscall.SIGKILL)
	}
}

// remaining returns the event that a command which has ended is.
func (s *supervisor) remaining() event {
	if s.process.groupExists() {
		return ended
	}
	return gone
}

// signal takes a signal to this process.
func (s *supervisor) signal(sig os.Signal) {
	number, ok := sig.(syscall.Signal)
	switch {
	case !ok || number == syscall.SIGPIPE: // see Signals
	case number == syscall.SIGTERM || number == syscall.SIGINT:
		if s.state == running {
			s.stopSignal = number
		}
		s.take(asked)
	case s.state != leaving: // there nobody is left to take it
		s.process.forward(number)
	}
}

// take takes an event.
func (s *supervisor) take(e event) {
	if e == gone {
		s.process.restoreTerminal() // Ctrl-C is this process's during the rest
	}
	var a action
	s.state, a = next(s.state, e)
	switch a {
	case drain:
		s.drains = true
		go func() { s.drained <- s.Drain() }()
	case delay:
		s.timer.Reset(s.DrainDelay)
	case stop:
		s.process.signal(s.stopSignal)
		s.timer.Reset(s.KillAfter)
	case kill:
		s.Notef("%s", s.killing())
		s.process.signal(syscall.SIGKILL)
		s.timer.Reset(killedTimeout)
	}
}

// killing says what is killed.
func (s *supervisor) killing() string {
	what := "the command"
	if s.ended {
		what = "what the command has left running"
	}
	return fmt.Sprintf("killing %s: it has not ended after signal %v", what, s.stopSignal)
}
