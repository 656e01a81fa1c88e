package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// clients is how many sockets dnsperf sends from, so that servers with several
// sockets get queries at each.
const clients = 16

// Dnsperf drives by the program dnsperf, in one thread.
type Dnsperf struct {
	// Path is that of the program.
	Path string
	// Dir takes its output.
	Dir string
}

// Drive implements Driver.
func (d Dnsperf) Drive(ctx context.Context, l Load) (Result, error) {
	out, err := os.CreateTemp(d.Dir, "dnsperf-")
	if err != nil {
		return Result{}, err
	}
	defer func() {
		_ = out.Close()
		_ = os.Remove(out.Name())
	}()
	cmd := exec.CommandContext(ctx, d.Path, l.arguments()...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		return Result{}, fmt.Errorf("%s: %w\n%s", cmd, errors.Join(err, ctx.Err()), text)
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return Result{}, err
	}
	result, err := l.parseDnsperf(out)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", cmd, err)
	}
	return result, nil
}

func (l Load) arguments() []string {
	args := []string{"-f", "inet", "-s", "127.0.0.1", "-p", strconv.Itoa(l.Port), "-d", l.Questions, "-T", "1", "-c", strconv.Itoa(clients)}
	if l.Once {
		args = append(args, "-n", "1")
	} else {
		args = append(args, "-l", strconv.Itoa(int(max(l.Duration.Round(time.Second), time.Second).Seconds())))
	}
	if l.Rate > 0 {
		args = append(args, "-Q", strconv.Itoa(l.Rate))
	}
	if l.EDNS {
		args = append(args, "-e")
	}
	if l.Latency {
		args = append(args, "-v") // a line for each answer
	}
	return args
}
