package etcdserver

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

const (
	// stopTimeout bounds the wait for an etcd that serves to stop: it gives its clients and the hand-over of its leadership
	// seven seconds each.
	stopTimeout = 30 * time.Second

	// stopStartTimeout bounds the wait for one that doesn't serve yet: to open its files, of which a long log takes seconds,
	// and to close them again.
	stopStartTimeout = 10 * time.Second

	// killTimeout bounds the wait for one that was killed, which takes long only where its disk doesn't answer: the kernel
	// ends it when that does, and its folder stays locked until then.
	killTimeout = 5 * time.Second
)

// child is an etcd in a process of its own. Its methods are safe for concurrent use.
type child struct {
	cfg   member.Config
	cmd   *exec.Cmd
	input io.WriteCloser
	log   *logQueue
	again bool // it isn't the first one

	started, serves, gone chan struct{} // closed once it waits for other members, serves, and has ended

	mu      sync.Mutex
	failure string // why it ends, as it says
	crash   string // why it ends, as the Go runtime says
	traced  int    // lines of the runtime
	removed bool
	err     error // of Wait
}

// launch starts a process, and doesn't wait for its etcd.
func launch(cfg member.Config, lock *os.File, log *logQueue, again bool) (*child, error) {
	self, err := executable()
	if err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	c := &child{
		cfg: cfg, log: log, again: again, cmd: &exec.Cmd{Path: self, Args: []string{os.Args[0], member.Arg}},
		started: make(chan struct{}), serves: make(chan struct{}), gone: make(chan struct{}),
	}
	c.cmd.Stdout, c.cmd.Stderr = &lineWriter{take: c.event}, &lineWriter{take: c.trace}
	isolate(c.cmd, lock)
	if c.input, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	running := make(chan error)
	go c.run(running)
	if err := <-running; err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	// One that has ended already is noticed by that.
	_ = member.Order{Config: cfg, Parent: os.Getpid(), Again: again}.Send(c.input)
	return c, nil
}

// executable is the path of this program, also where its file was replaced meanwhile.
func executable() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// run starts the process, and waits for its end. It does so from one thread of the operating system: the kernel ends the
// process with the thread that has started it.
func (c *child) run(running chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	running <- err
	if err != nil {
		return
	}
	err = c.cmd.Wait()
	c.note(func() { c.err = err })
	close(c.gone)
}

// serving implements server.
func (c *child) serving() <-chan struct{} { return c.serves }

// ended implements server.
func (c *child) ended() <-chan struct{} { return c.gone }

// reason implements server: it is what the process said, or the runtime, or the kernel.
func (c *child) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failure != "":
		return errors.New(c.failure)
	case c.removed:
		return errRemoved
	case c.err == nil:
		return errors.New("its process ended")
	case c.crash != "":
		return fmt.Errorf("its process ended: %w: %s", c.err, c.crash)
	}
	return fmt.Errorf("its process ended: %w", c.err)
}

// stop implements server. It returns once the process is gone, or as good as gone.
func (c *child) stop() {
	patience := stopStartTimeout
	if isClosed(c.serves) {
		patience = stopTimeout
	}
	_ = member.SendStop(c.input) // one that is gone needs no word
	if c.await(patience) {
		return
	}
	c.log.Errorf("etcd with data folder %q has not stopped after %v: it is killed", c.cfg.DataDir, patience)
	_ = c.cmd.Process.Kill() // it can have ended just now
	if !c.await(killTimeout) {
		c.log.Errorf("etcd with data folder %q, process ID %d, can't be killed while its disk doesn't answer", c.cfg.DataDir,
			c.cmd.Process.Pid)
	}
}

// await waits for the end of the process, and reports whether that came in time.
func (c *child) await(patience time.Duration) bool {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-c.gone:
		return true
	case <-timeout.C:
		return false
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
