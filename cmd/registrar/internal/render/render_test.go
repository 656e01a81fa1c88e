package render_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/feed"
	"github.com/rosterdns/roster/cmd/registrar/internal/render"
	"github.com/rosterdns/roster/registrar"
)

// registry is one that a test makes changes in. What it logs is what a renderer does.
type registry struct {
	services map[string]chan feed.Service
	lists    chan []string

	mu      sync.Mutex
	log     []string
	refusal error // of the next write
}

func newRegistry() *registry {
	r := &registry{services: map[string]chan feed.Service{}, lists: make(chan []string)}
	for _, name := range []string{"default/a", "default/b", "default/c"} {
		r.services[name] = make(chan feed.Service)
	}
	return r
}

func (r *registry) watch(ctx context.Context, name string) iter.Seq2[*registrar.Service, error] {
	return func(yield func(*registrar.Service, error) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case st, ok := <-r.services[name]:
				if !ok || !yield(st.Value, st.Err) {
					return
				}
			}
		}
	}
}

func (r *registry) list(ctx context.Context, _ string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case names := <-r.lists:
				if !yield(names, nil) {
					return
				}
			}
		}
	}
}

// set gives a service instances, named in one text.
func (r *registry) set(name, ids string, err error) {
	s := &registrar.Service{Instances: []registrar.Instance{}}
	for id := range strings.FieldsSeq(ids) {
		s.Instances = append(s.Instances, registrar.Instance{ID: id})
	}
	r.services["default/"+name] <- feed.Service{Value: s, Err: err}
}

func (r *registry) add(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, text)
}

// refuse makes writes fail, or not.
func (r *registry) refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refusal = err
}

func (r *registry) refuses() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refusal
}

func (r *registry) renderer(t *testing.T, text string) *render.Renderer {
	t.Helper()
	last := ""
	return &render.Renderer{
		Template: parse(t, text, 1),
		Write: func(text []byte) (bool, error) {
			if err := r.refuses(); err != nil {
				return false, err
			}
			changed := string(text) != last
			last = string(text)
			if changed {
				r.add(fmt.Sprintf("write %q", text))
			}
			return changed, nil
		},
		Watch:   render.Watch{Service: r.watch, Services: r.list},
		Wait:    render.Wait{Min: time.Second, Max: 3 * time.Second},
		Note:    func(reason error) { r.add(fmt.Sprint("note ", reason)) },
		Written: func() { r.add("written") },
	}
}

// start runs a renderer until the test ends.
func (r *registry) start(t *testing.T, text string) (ended chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended = make(chan error, 1)
	renderer := r.renderer(t, text)
	go func() { ended <- renderer.Run(ctx) }()
	t.Cleanup(cancel)
	return ended
}

// after checks what was done until some time later.
func (r *registry) after(t *testing.T, d time.Duration, want ...string) {
	t.Helper()
	time.Sleep(d)
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.log, want) {
		t.Errorf("after %v: %q, want %q", d, r.log, want)
	}
	r.log = nil
}

const both = `{{range service "a"}}{{.ID}}{{end}}-{{range service "b"}}{{.ID}}{{end}}`

var errAway = fmt.Errorf("etcd %w", registrar.ErrUnavailable)

// TestRun: the first text comes at once, and then changes are gathered.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry()
		r.start(t, both)
		r.set("a", "1", nil)
		r.after(t, time.Hour) // the other one is unknown
		r.set("b", "2", nil)
		r.after(t, 0, `write "1-2"`, "written")
		r.set("a", "1 3", nil)
		r.set("a", "1 3 4", nil)
		r.after(t, 900*time.Millisecond)
		r.set("b", "5", nil)
		r.after(t, 900*time.Millisecond)
		r.after(t, 100*time.Millisecond, `write "134-5"`, "written")
		for range 4 { // it doesn't become quiet
			r.set("a", "6", nil)
			r.after(t, 700*time.Millisecond)
		}
		r.set("a", "7", nil)
		r.after(t, 200*time.Millisecond, `write "7-5"`, "written")
		r.set("b", "5", nil)
		r.after(t, time.Hour) // the same text
	})
}

// TestRunKeepsTheFile while a service has nobody, or contact is lost.
func TestRunKeepsTheFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry()
		r.start(t, both)
		r.services["default/a"] <- feed.Service{Err: errAway}
		r.after(t, 0, "note etcd unavailable")
		r.set("a", "1", nil)
		r.set("b", "2", nil)
		r.after(t, 0, `write "1-2"`, "written", "note <nil>")
		r.set("a", "", nil)
		r.after(t, time.Second, "note too few instances of default/a")
		r.set("b", "2 3", nil)
		r.after(t, time.Second) // said already
		r.set("a", "1", nil)
		r.after(t, time.Second, `write "1-23"`, "written", "note <nil>")
		r.set("a", "1 4", errAway)
		r.after(t, time.Second, "note etcd unavailable")
		r.set("a", "1 4", nil)
		r.after(t, time.Second, `write "14-23"`, "written", "note <nil>")
	})
}

// TestRunFollowsTheTemplate: what it asks for depends on what it gets.
func TestRunFollowsTheTemplate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry()
		r.start(t, `{{range services}}{{range service .}}{{.ID}}{{end}}{{end}}`)
		r.lists <- []string{"default/a"}
		r.set("a", "1", nil)
		r.after(t, 0, `write "1"`, "written")
		r.lists <- []string{"default/a", "default/b"}
		r.after(t, time.Second)
		r.set("b", "2", nil)
		r.after(t, time.Second, `write "12"`, "written")
		r.lists <- []string{"default/b"}
		r.after(t, time.Second, `write "2"`, "written")
		select {
		case r.services["default/a"] <- feed.Service{}:
			t.Error("what it asks for no more is still followed")
		default:
		}
	})
}

// TestRunTriesAgain where the file can't be written.
func TestRunTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry()
		r.refuse(errors.New("disk full"))
		r.start(t, `{{range service "a"}}{{.ID}}{{end}}`)
		r.set("a", "1", nil)
		r.after(t, time.Minute, "note writing: disk full")
		r.refuse(nil)
		r.after(t, 5*time.Second, `write "1"`, "written", "note <nil>")
	})
}

// TestRunReportsTheTemplate: one that fails for what there is now can do so no more later.
func TestRunReportsTheTemplate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry()
		r.start(t, `{{(index (service "a") 1).ID}}`)
		r.set("a", "1", nil)
		r.after(t, time.Second, `note invalid template test.tmpl:1:3: executing "test.tmpl" at <index (service "a") 1>: error calling index: reflect: slice index out of range`)
		r.set("a", "1 2", nil)
		r.after(t, time.Second, `write "2"`, "written", "note <nil>")
	})
}

// TestRunEnds: with what trying again doesn't help with.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry()
		ended := r.start(t, both)
		r.services["default/a"] <- feed.Service{Err: registrar.ErrPermission}
		if err := <-ended; !errors.Is(err, registrar.ErrPermission) {
			t.Errorf("the error is %v", err)
		}
		if err := <-newRegistry().start(t, `{{service "Bad"}}`); !errors.Is(err, registrar.ErrInvalid) {
			t.Errorf("the error is %v", err)
		}
		// Who was allowed once may be so again.
		r = newRegistry()
		r.start(t, `{{range service "a"}}{{.ID}}{{end}}`)
		r.set("a", "1", nil)
		r.after(t, 0, `write "1"`, "written")
		r.set("a", "1", registrar.ErrPermission)
		r.after(t, time.Second, "note permission denied")
		r.set("a", "2", nil)
		r.after(t, time.Second, `write "2"`, "written", "note <nil>")
	})
}

func TestOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		feed func(*registry)
		want error
		log  string
	}{
		"written":   {both, func(r *registry) { r.set("a", "1", nil); r.set("b", "2", nil) }, nil, `write "1-2" written`},
		"empty":     {both, func(r *registry) { r.set("a", "1", nil); r.set("b", "", nil) }, registrar.ErrNotFound, ""},
		"optional":  {`{{optional "a"}}`, func(r *registry) { r.set("a", "", nil) }, nil, `write "[]" written`},
		"unknown":   {both, func(r *registry) { r.set("a", "1", nil) }, context.DeadlineExceeded, ""},
		"away":      {both, func(r *registry) { r.services["default/a"] <- feed.Service{Err: errAway} }, registrar.ErrUnavailable, ""},
		"stale":     {both, func(r *registry) { r.set("a", "1", errAway); r.set("b", "2", nil) }, registrar.ErrUnavailable, ""},
		"forbidden": {both, func(r *registry) { r.services["default/b"] <- feed.Service{Err: registrar.ErrPermission} }, registrar.ErrPermission, ""},
		"broken":    {`{{(index (service "a") 1).ID}}`, func(r *registry) { r.set("a", "1", nil) }, registrar.ErrInvalid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRegistry()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				ended := make(chan error, 1)
				renderer := r.renderer(t, c.text)
				go func() { ended <- renderer.Once(ctx) }()
				c.feed(r)
				if err := <-ended; !errors.Is(err, c.want) {
					t.Errorf("the error is %v, want %v", err, c.want)
				}
				r.mu.Lock()
				defer r.mu.Unlock()
				if got := strings.Join(r.log, " "); got != c.log {
					t.Errorf("it did %s, want %s", got, c.log)
				}
			})
		})
	}
}

func TestParseWait(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1s": "1s:4s", "1s:10s": "1s:10s", "0s": "0s:0s", "500ms:500ms": "500ms:500ms",
		"": "", "1": "", "1s:": "", "1s:500ms": "", "-1s": "", "1s:2s:3s": "",
	} {
		w, err := render.ParseWait(text)
		if got := w.String(); want == "" && err == nil || want != "" && got != want {
			t.Errorf("%q is %s, %v, want %q", text, got, err, want)
		}
	}
	if got, err := render.ParseWait(render.DefaultWait.String()); err != nil || got != render.DefaultWait {
		t.Errorf("the default comes back as %v, %v", got, err)
	}
}
