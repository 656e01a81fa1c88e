package etcdserver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestLineWriter(t *testing.T) {
	t.Parallel()
	var got []string
	w := &lineWriter{take: func(line []byte) { got = append(got, string(line)) }}
	long := strings.Repeat("x", maxLine+1)
	for _, part := range []string{"a\nb", "", "c\n\n", "d", long, "\n"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%d written of %d, %v", n, len(part), err)
		}
	}
	if want := []string{"a", "bc", "", "d" + long, ""}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestReason prefers what etcd says about its end to what the Go runtime says, and that to what the kernel says.
func TestReason(t *testing.T) {
	t.Parallel()
	exit := errors.New("exit status 2")
	for name, test := range map[string]struct {
		events, trace []string
		exit          error
		want          string
	}{
		"good order": {nil, nil, nil, "its process ended"},
		"kernel":     {nil, nil, exit, "its process ended: exit status 2"},
		"runtime":    {nil, []string{"panic: bit\tflip", "", "goroutine 1 [running]:"}, exit, "its process ended: exit status 2: panic: bit\tflip"},
		"forged":     {nil, []string{"panic: \x1b[2J"}, exit, `its process ended: exit status 2: "panic: \x1b[2J"`},
		"etcd":       {[]string{`{"Kind":"failed","Text":"no space"}`}, []string{"panic: no space"}, exit, "no space"},
		"removed":    {[]string{`{"Kind":"removed"}`}, nil, nil, errRemoved.Error()},
	} {
		r := newReport(false)
		for _, line := range test.events {
			r.event([]byte(line))
		}
		for _, line := range test.trace {
			r.trace([]byte(line))
		}
		if got := r.reason(test.exit).Error(); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// TestReportIsLogged logs what etcd has for the log, the beginning of a trace, and what can't be understood. It isn't
// parallel: it reads the log.
func TestReportIsLogged(t *testing.T) {
	out := captureLog(t)
	r := newReport(false)
	r.event([]byte(`{"Kind":"warning","Text":"etcd: slow"}`))
	r.event([]byte(`{"Kind":"info","Text":"etcd serves"}`))
	r.event([]byte("{"))
	for n := range 2 * traceLines {
		r.trace(fmt.Appendf(nil, "frame %d", n))
	}
	again := newReport(true)
	again.trace([]byte("of one of many tries"))
	for _, want := range []string{
		"[WARNING] plugin/etcdserver: etcd: slow\n", "[INFO] plugin/etcdserver: etcd serves\n",
		"[ERROR] plugin/etcdserver: etcd: what its process reports can't be read: ", "[ERROR] plugin/etcdserver: etcd: frame 0\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
	if got, want := strings.Count(out.String(), "\n"), 3+traceLines; got != want {
		t.Errorf("%d lines, want %d:\n%s", got, want, out)
	}
}

// TestReportTwice has a process say twice what it should say once: nothing that it says ends CoreDNS.
func TestReportTwice(t *testing.T) {
	t.Parallel()
	r := newReport(false)
	for range 2 {
		r.event([]byte(`{"Kind":"started"}`))
		r.event([]byte(`{"Kind":"serving"}`))
		r.event([]byte(`{"Kind":"no such kind"}`))
	}
	if !isClosed(r.started) || !isClosed(r.serving) {
		t.Error("it was not heard")
	}
}
