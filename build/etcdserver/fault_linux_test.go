package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/pkg/v3/schedule"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// TestFaults makes real etcds fail: what was acknowledged is there when they are back. It does so in a process of its own,
// which also shows that the process lives.
func TestFaults(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Parallel()
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestFaults$", "-test.v", "-test.timeout=5m")
		cmd.Env = append(os.Environ(), childEnv+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestFaults/") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	for name, test := range map[string]func(*testing.T, *server){
		// The goroutine of raft ends; what waits for it waits for ever.
		"log can't be written": func(t *testing.T, s *server) { t.Helper(); spoil(t, s, "/member/wal/") },
		// The goroutine that commits ends with the lock on the database held.
		"database can't be written": func(t *testing.T, s *server) { t.Helper(); spoil(t, s, "/member/snap/db") },
		// The goroutine that changes the database must not end, for others would then panic.
		"panic while changing the database": func(t *testing.T, s *server) {
			t.Helper()
			s.etcd.Server.Backend().SetTxPostLockInsideApplyHook(func() { panic("bit flip") })
		},
		"fatal elsewhere": func(t *testing.T, s *server) {
			t.Helper()
			go s.etcd.GetLogger().Fatal("disk on fire", zap.String("path", "/data"))
		},
	} {
		t.Run(name, func(t *testing.T) { testFault(t, test) })
	}
	t.Run("alarm waits for the database", testFaultInAlarm)
	t.Run("in a job while others are scheduled", testFaultInJob)
}

// testFaultInJob goes on to schedule jobs after one has failed, as the goroutine of raft does until it is stopped.
func testFaultInJob(t *testing.T) {
	s := newState()
	scheduler := schedule.NewFIFOScheduler(newLogger(s))
	scheduler.Schedule(schedule.NewJob("fails", func(context.Context) { newLogger(s).Fatal("disk on fire") }))
	<-s.fault.done
	for began := time.Now(); time.Since(began) < 200*time.Millisecond; runtime.Gosched() {
		scheduler.Schedule(schedule.NewJob("next", func(context.Context) { t.Error("went on") }))
	}
}

// testFaultInAlarm has a transaction keep its lock, as whoever commits does when the goroutine ends, while the guard raises
// the alarm: etcd then answers nothing about alarms any more, and is replaced all the same.
func testFaultInAlarm(t *testing.T) {
	cfg := newConfig(t)
	var free atomic.Uint64
	free.Store(500 * mib)
	s := newSupervisor(cfg)
	s.guard.space = func(string) (uint64, uint64, error) { return free.Load(), 1024 * mib, nil }
	first, err := startServer(t.Context(), cfg, &s.guard, false)
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(t, cfg.listenClient.String(), nil)
	for put(t, client, "before", "1"); first.etcd.Server.ClusterVersion() == nil; {
		put(t, client, "before", "1")
	}
	put(t, client, "before", "1") // follows what a new cluster writes by itself: the alarm is next to wait for the database
	first.etcd.Server.Backend().BatchTx().Lock()
	free.Store(2 * mib)
	s.begin(first)
	awaitHang(t, func() { first.nospace() })
	first.state.fault.report("failed to commit tx: no space left on device")
	free.Store(500 * mib)
	for deadline := time.Now().Add(patience); ; {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := client.Put(ctx, "after", "1")
		cancel()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("etcd is not back: %v", err)
		}
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop()
	}()
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Fatal("the supervisor doesn't stop")
	}
}

// awaitHang waits until a call doesn't return, for so long that the guard has made one that doesn't, either.
func awaitHang(t *testing.T, call func()) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		returned := make(chan struct{})
		go func() {
			defer close(returned)
			call()
		}()
		select {
		case <-returned:
		case <-time.After(alarmTimeout + 2*checkEvery):
			return
		}
	}
	t.Fatal("it returns each time")
}

func testFault(t *testing.T, fail func(*testing.T, *server)) {
	t.Helper()
	cfg := newConfig(t)
	s := newSupervisor(cfg)
	first, err := startServer(t.Context(), cfg, &s.guard, false)
	if err != nil {
		t.Fatal(err)
	}
	s.begin(first)
	defer func() {
		s.stop()
		if err := prepareDataDir(cfg.dataDir); err != nil {
			t.Errorf("after the stop: %v", err)
		}
	}()
	client := newClient(t, cfg.listenClient.String(), nil)
	acknowledged := 0
	for range 20 {
		put(t, client, fmt.Sprintf("k%d", acknowledged), "v")
		acknowledged++
	}
	fail(t, first)
	// Writes meet the fault, and go on until etcd is back.
	deadline := time.Now().Add(patience)
	for failed, after := false, 0; after < 20; {
		if time.Now().After(deadline) {
			t.Fatalf("etcd is not back; its fault: %v", first.reason())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := client.Put(ctx, fmt.Sprintf("k%d", acknowledged), "v")
		cancel()
		switch {
		case err != nil:
			failed = true
		default:
			acknowledged++
			if failed || first.state.fault.happened() {
				after++
			}
		}
	}
	for i := range acknowledged {
		get(t, client, fmt.Sprintf("k%d", i))
	}
	t.Logf("%d acknowledged; the fault: %v", acknowledged, first.reason())
	if first.reason() == nil {
		t.Error("no fault")
	}
}

// spoil makes writes to some files of an etcd fail: it opens them anew for reading, under the same descriptors, and locks
// them as they were.
func spoil(t *testing.T, s *server, part string) {
	t.Helper()
	entries, err := os.ReadDir(descriptors)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := 0
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join(descriptors, entry.Name()))
		if err != nil || !strings.HasPrefix(target, s.cfg.dataDir+part) {
			continue
		}
		old, err := strconv.Atoi(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		file, err := unix.Open(filepath.Join(descriptors, entry.Name()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(unix.Flock(old, unix.LOCK_UN), unix.Flock(file, unix.LOCK_EX),
			unix.Dup3(file, old, unix.O_CLOEXEC), unix.Close(file)); err != nil {
			t.Fatal(err)
		}
		spoilt++
	}
	if spoilt == 0 {
		t.Fatalf("no open file %s", part)
	}
}
