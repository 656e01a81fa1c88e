package etcdserver

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

const (
	// stopTimeout bounds the wait for an etcd that serves to stop: it gives its clients and the hand-over of its leadership
	// seven seconds each.
	stopTimeout = 30 * time.Second

	// killTimeout bounds the wait for one that was killed, which takes long only where its disk doesn't answer: the kernel
	// ends it when that does, and its folder stays locked until then.
	killTimeout = 5 * time.Second
)

// child is an etcd in a process of its own. Its methods are safe for concurrent use.
type child struct {
	dir    string
	cmd    *exec.Cmd
	input  io.WriteCloser
	report *report
	gone   chan struct{} // closed once the process has ended
	exit   error         // what the kernel says about that
}

// launch starts a process, and doesn't wait for its etcd.
func launch(cfg member.Config, lock *os.File, again bool) (*child, error) {
	self, err := executable()
	if err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	c := &child{
		dir: cfg.DataDir, cmd: &exec.Cmd{Path: self, Args: []string{os.Args[0], member.Arg}},
		report: newReport(again), gone: make(chan struct{}),
	}
	c.cmd.Stdout, c.cmd.Stderr = &lineWriter{take: c.report.event}, &lineWriter{take: c.report.trace}
	isolate(c.cmd, lock)
	if c.input, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	started := make(chan error)
	go c.run(started)
	if err := <-started; err != nil {
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
func (c *child) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	c.exit = c.cmd.Wait()
	close(c.gone)
}

// serving implements server.
func (c *child) serving() <-chan struct{} { return c.report.serving }

// ended implements server.
func (c *child) ended() <-chan struct{} { return c.gone }

// reason implements server.
func (c *child) reason() error { return c.report.reason(c.exit) }

// stop implements server. It returns once the process is gone, or as good as gone.
func (c *child) stop() {
	patience := stopStartTimeout
	if isClosed(c.serving()) {
		patience = stopTimeout
	}
	_ = member.SendStop(c.input) // one that is gone needs no word
	if c.await(patience) {
		return
	}
	log.Errorf("etcd with data folder %q has not stopped after %v: killing it", c.dir, patience)
	_ = c.cmd.Process.Kill() // it can have ended just now
	if !c.await(killTimeout) {
		log.Errorf("etcd with data folder %q, process ID %d, can't be killed while its disk doesn't answer", c.dir,
			c.cmd.Process.Pid)
	}
}

// await waits for the end of the process, and reports whether that came in time.
func (c *child) await(patience time.Duration) bool {
	select {
	case <-c.gone:
		return true
	case <-time.After(patience):
		return false
	}
}
