package replica

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const value = `{"addresses":["10.0.0.7"]}`

// fixture is an etcd, and a folder for snapshots.
type fixture struct {
	t    *testing.T
	etcd *faulty.Etcd
	path string
	log  *logBuffer
	seen *counter
}

// inBubble runs a test in a bubble of synctest.
func inBubble(t *testing.T, fn func(f *fixture)) {
	t.Helper()
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	synctest.Test(t, func(t *testing.T) {
		fn(&fixture{t: t, etcd: faulty.New(), path: path, log: &logBuffer{}, seen: &counter{}})
	})
}

// put registers an instance, under a lease of its own.
func (f *fixture) put(key string) {
	f.t.Helper()
	id, _, err := f.etcd.Grant(f.t.Context(), time.Hour)
	if err != nil {
		f.t.Fatal(err)
	}
	f.etcd.Put("/roster/"+key, value, id)
	f.t.Cleanup(func() { f.etcd.Expire(id) }) // else its timer outlives the bubble
}

// config is that of a replica of the whole registry with a snapshot.
func (f *fixture) config(change func(c *Config)) Config {
	c := Config{
		Source: f.etcd, Prefix: "/roster", Ranges: []string{""}, Snapshot: f.path,
		Log: slog.New(slog.NewTextHandler(f.log, nil)), Observer: f.seen,
	}
	if change != nil {
		change(&c)
	}
	return c
}

// open opens a replica, which the test closes.
func (f *fixture) open(change func(c *Config)) *Replica {
	f.t.Helper()
	r, err := Open(f.config(change))
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// ready opens a replica and waits for it.
func (f *fixture) ready(change func(c *Config)) *Replica {
	f.t.Helper()
	r := f.open(change)
	f.wait(r)
	return r
}

func (f *fixture) wait(r *Replica) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	if err := r.Wait(ctx); err != nil {
		f.t.Fatal(err)
	}
}

// close closes a replica whose disk works.
func (f *fixture) close(r *Replica) {
	f.t.Helper()
	if err := r.Close(f.t.Context()); err != nil {
		f.t.Error(err)
	}
}

// wantInstances checks which instances are served, as "service/id" of default.
func (f *fixture) wantInstances(r *Replica, want ...string) {
	f.t.Helper()
	var got []string
	for s := range r.Load().All() {
		for in := range s.All() {
			got = append(got, s.Name+"/"+in.ID)
		}
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("instances %q, want %q", got, want)
	}
}

// onDisk returns the header of the snapshot, and how many entries it has.
func (f *fixture) onDisk() (snapshot.Header, int) {
	f.t.Helper()
	file, err := snapshot.Open(f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	n := 0
	for _, err := range file.Entries() {
		if err != nil {
			f.t.Fatal(err)
		}
		n++
	}
	return file.Header(), n
}

// write writes a snapshot of orders/a at revision 42 and serial 100, a minute old.
func (f *fixture) write(change func(h *snapshot.Header)) {
	f.t.Helper()
	h := snapshot.Header{
		Cluster: 1, Root: "/roster/", Serial: 100, Offset: 58, Revision: 42,
		Ranges: []snapshot.Range{{Prefix: "/roster/", Revision: 42, Contact: time.Now().Add(-time.Minute)}},
	}
	if change != nil {
		change(&h)
	}
	entries := []snapshot.Entry{{Key: "default/orders/a", Value: []byte(value), Revision: 42}}
	if _, err := snapshot.Write(f.path, h, slices.Values(entries)); err != nil {
		f.t.Fatal(err)
	}
}

// away has etcd be away.
func (f *fixture) away() { f.etcd.SetState(faulty.Down) }

func (f *fixture) wantState(r *Replica, want mirror.State) {
	f.t.Helper()
	if s := r.Status(); s.State != want {
		f.t.Errorf("status %+v, want %s", s, want)
	}
}

// logBuffer collects lines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// lines returns the lines that contain all of the texts.
func (b *logBuffer) lines(texts ...string) (found []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.b.String()) {
		if !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(line, s) }) {
			found = append(found, line)
		}
	}
	return found
}

// counter counts snapshots that were written.
type counter struct {
	Unobserved
	mu     sync.Mutex
	writes []error
}

func (c *counter) SnapshotWritten(_ int64, _ time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes = append(c.writes, err)
}

// countedFile counts how often a file is decoded.
type countedFile struct {
	file
	decoded *int
}

func (c countedFile) Entries() iter.Seq2[snapshot.Entry, error] {
	return func(yield func(snapshot.Entry, error) bool) {
		*c.decoded++
		c.file.Entries()(yield)
	}
}

// slowDisk takes its time to read.
func slowDisk(d time.Duration) disk {
	return disk{
		open: func(path string) (file, error) {
			time.Sleep(d)
			return realDisk.open(path)
		},
		write: realDisk.write,
	}
}

// hangingDisk takes its time with the last write.
func hangingDisk(d time.Duration) disk {
	return disk{open: realDisk.open, write: func(ctx context.Context, w *snapshot.Writer) {
		<-ctx.Done()
		time.Sleep(d)
		w.Run(ctx)
	}}
}

// keys returns N keys of a service.
func keys(service string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("default/%s/i%02d", service, i))
	}
	return out
}
