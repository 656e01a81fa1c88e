package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar/memory"
)

func TestWatchPrintsChanges(t *testing.T) {
	t.Parallel()
	s := newShop()
	r := s.begin(t, "watch", "orders")
	r.says(t, "registrar: no instance of default/orders to show yet\n")
	s.put(t, "a", "up")
	eventually(t, "it is added", func() bool { return strings.Contains(r.stdout.String(), "added") })
	s.do(t, "", exitOK, "register", "orders", "--id", "a", "--address", "10.0.0.7", "--port", "http:8080", "--weight", "7", "--static")
	eventually(t, "it is changed", func() bool { return strings.Contains(r.stdout.String(), "changed") })
	s.store.SetState(memory.Unavailable)
	r.says(t, "registrar: lost contact with etcd: ")
	s.store.SetState(memory.Up)
	r.says(t, "registrar: regained contact with etcd\n")
	s.do(t, "", exitOK, "unregister", "orders", "a")
	eventually(t, "it is removed", func() bool { return strings.Contains(r.stdout.String(), "removed") })
	r.stop(t)
	got := regexp.MustCompile(`(?m)^\S+T\S+ `).ReplaceAllString(r.stdout.String(), "")
	const want = `added a: 10.0.0.7, http:8080/tcp, up, weight 100, prio 0
changed a: weight 100 to 7
removed a
`
	if got != want {
		t.Errorf("it wrote\n%swant, behind the time,\n%s", got, want)
	}
}

// TestWatchWaitsForEtcd: a command that runs until it is stopped has no limit of time.
func TestWatchWaitsForEtcd(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.store.SetState(memory.Unavailable)
	r := s.begin(t, "watch", "orders", "-o", "jsonl", "--timeout", "1ms")
	r.says(t, "registrar: warning: no contact with etcd: ")
	s.store.SetState(memory.Up)
	eventually(t, "there is a set", func() bool { return strings.Count(r.stdout.String(), "\n") == 1 })
	r.stop(t)
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.store.SetState(memory.Forbidding)
	for _, args := range [][]string{{"watch", "orders"}, {"watch", "orders", "--", "true"}} {
		s.do(t, "", exitPermission, args...)
	}
}

// TestWatchRunsCommand: for the first set, which is empty here, and for each that follows.
func TestWatchRunsCommand(t *testing.T) {
	t.Parallel()
	s := newShop()
	r := s.begin(t, "watch", "orders", "--", "sh", "-c", `cat; echo "$ROSTER_NAMESPACE/$ROSTER_SERVICE $ROSTER_REVISION $ROSTER_INSTANCES"`)
	out := `{"namespace":"default","name":"orders","revision":1,"stale":false,"instances":[]}` + "\ndefault/orders 1 0\n"
	r.wrote(t, out)
	s.put(t, "a", "up")
	out += `{"namespace":"default","name":"orders","revision":2,"stale":false,"instances":[{"id":"a","addresses":["10.0.0.7"],` +
		`"ports":[{"name":"http","port":8080,"protocol":"tcp"}],"weight":100,"priority":0,"status":"up","static":true}]}` + "\ndefault/orders 2 1\n"
	r.wrote(t, out)
	r.stop(t)
}

// TestWatchReportsCommand: one that fails runs again.
func TestWatchReportsCommand(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.put(t, "a", "up")
	once := filepath.Join(t.TempDir(), "once")
	r := s.begin(t, "watch", "orders", "--", "sh", "-c", `if [ -e "$0" ]; then echo well; else touch "$0"; exit 3; fi`, once)
	r.wrote(t, "well\n")
	r.says(t, "registrar: command failed: sh: exit status 3; it runs again in ")
	r.stop(t)
}

// TestWatchEndsCommand: the signal reaches the command, and what it does then is awaited
// (consul-template#682).
func TestWatchEndsCommand(t *testing.T) {
	t.Parallel()
	s := newShop()
	marker := filepath.Join(t.TempDir(), "ended")
	r := s.begin(t, "watch", "orders", "--", "sh", "-c", `trap 'touch "$0"; exit 1' TERM; echo started; sleep 300 & wait`, marker)
	r.wrote(t, "started\n")
	r.stop(t)
	if _, err := os.Stat(marker); err != nil {
		t.Error(err)
	}
	if strings.Contains(r.stderr.String(), "failed") {
		t.Errorf("it said %q", r.stderr.String())
	}
}
