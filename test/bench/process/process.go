package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopTime is how long a process has to end after TERM before it is killed: longer
// than a large snapshot takes to be written.
const stopTime = 30 * time.Second

// Process is a process of a group. Its methods are safe for concurrent use.
type Process struct {
	name    string
	started time.Time
	cmd     *exec.Cmd
	output  *tail
	done    chan struct{} // closed when it has ended
}

// start starts a program in a process group of its own, which the kernel kills if
// this process is killed.
func start(name, dir string, argv []string) (*Process, error) {
	p := &Process{name: name, started: time.Now(), cmd: exec.Command(argv[0], argv[1:]...), output: &tail{}, done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// A child that holds the pipe must not keep Wait from returning.
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended is in what it wrote
	}()
	return p, nil
}

// Name is that for messages.
func (p *Process) Name() string { return p.name }

// PID is the process's ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Started is when it was started.
func (p *Process) Started() time.Time { return p.started }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Output is the end of what the process wrote.
func (p *Process) Output() string { return p.output.String() }

// Pause stops the process by SIGSTOP.
func (p *Process) Pause() error { return p.signal(syscall.SIGSTOP) }

// Continue lets a paused process go on.
func (p *Process) Continue() error { return p.signal(syscall.SIGCONT) }

func (p *Process) signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("sending %v to %s: %w", sig, p.name, err)
	}
	return nil
}

// Stop ends the process and its children: by TERM, and whatever is left after
// that by KILL. It can be called again.
func (p *Process) Stop() {
	_ = p.Continue() // a paused one takes no TERM
	_ = p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTime):
	}
	p.kill()
}

// kill kills the process and its children.
func (p *Process) kill() {
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // an error means that nobody is left
	<-p.done
}

// WaitFor calls condition until it returns nil. It gives up when the process has
// ended or ctx is done, with the condition's last error.
func (p *Process) WaitFor(ctx context.Context, pause time.Duration, condition func(context.Context) error) error {
	for {
		err := condition(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", p.name, errors.Join(ctx.Err(), err))
		case <-p.done:
			return fmt.Errorf("%s ended; it wrote:\n%s", p.name, p.Output())
		case <-time.After(pause):
		}
	}
}

// tailSize is how much of a process's output is held: enough for what it says
// when it can't start.
const tailSize = 16 << 10

// tail holds the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailSize; over > 0 {
		t.text = bytes.Clone(t.text[over:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
