package render

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// Renderer keeps a file as its template says.
type Renderer struct {
	Template *Template
	// Write takes the text of the file and reports whether it is another one.
	Write func(text []byte) (changed bool, err error)
	// Watch is where services come from.
	Watch Watch
	// Contact returns nil once etcd has answered anything, and why it has not when ctx is
	// done. Once calls it before it waits, so that a time-out after it means that etcd is
	// slow, rather than away. It can be nil.
	Contact func(ctx context.Context) error
	// Wait gathers changes after the first text.
	Wait Wait
	// Note tells the user what holds up the file, or nil when it is up to date again. It is
	// called once for each reason.
	Note func(reason error)
	// Written is called after the file has got another text.
	Written func()
}

// writePause is how long the next try waits where a file can't be written: for its disk to
// have space again, or its folder to be there.
const writePause = 5 * time.Second

// ErrFew says that a service has too few instances.
var ErrFew = errors.New("too few instances")

// Once writes the file once all is known. The error is registrar.ErrNotFound where a service
// has too few instances; where ctx ends the wait, its error, with why something is
// unknown.
func (r *Renderer) Once(ctx context.Context) error {
	source := newFeeds(ctx, r.Watch)
	defer source.Close()
	for contacted := r.Contact == nil; ; {
		result, err := r.Template.Run(source)
		if err != nil {
			return err
		}
		problem, final := source.problem(result)
		switch {
		case final:
			return problem
		case problem == nil && !result.Unknown && len(result.Few) > 0:
			return fmt.Errorf("%w: %w", registrar.ErrNotFound, few(result))
		case problem == nil && !result.Unknown:
			return r.write(result.Text)
		}
		if !contacted {
			if err := r.Contact(ctx); err != nil {
				return waiting(err)
			}
			contacted = true
		}
		select {
		case <-source.services.Changed():
		case <-source.lists.Changed():
		case <-ctx.Done():
			return errors.Join(problem, waiting(ctx.Err()))
		}
	}
}

func waiting(err error) error { return fmt.Errorf("waiting for what the template asks for: %w", err) }

// Run keeps the file up to date until ctx is done. The error is one that trying again
// doesn't help with.
func (r *Renderer) Run(ctx context.Context) error {
	source := newFeeds(ctx, r.Watch)
	defer source.Close()
	wait := gathering{Wait: r.Wait, timer: time.NewTimer(0)} // the first look is now
	defer wait.timer.Stop()
	var noted error
	complete := false // there was a text: from then on changes are gathered
	for {
		select {
		case <-wait.timer.C:
			wait.done()
			result, held, err := r.look(source)
			if err != nil {
				return err
			}
			complete = complete || !result.Unknown
			if known := held != nil || !result.Unknown; known && text(held) != text(noted) {
				r.Note(held)
				noted = held
			}
			if errors.As(held, new(*writeError)) {
				wait.timer.Reset(writePause)
			}
		case <-source.services.Changed():
			r.changed(&wait, complete)
		case <-source.lists.Changed():
			r.changed(&wait, complete)
		case <-ctx.Done():
			return nil
		}
	}
}

func (r *Renderer) changed(wait *gathering, complete bool) {
	if !complete {
		wait.timer.Reset(0)
		return
	}
	wait.changed()
}

// look runs the template and writes what comes of it, unless something holds that up.
func (r *Renderer) look(source *feeds) (result Result, held, err error) {
	result, failed := r.Template.Run(source)
	if result.Wrong {
		return result, nil, failed
	}
	if problem, final := source.problem(result); final {
		return result, nil, problem
	} else if problem != nil {
		return result, problem, nil
	}
	if failed == nil && result.Unknown {
		return result, nil, nil
	}
	if failed != nil {
		return result, failed, nil
	}
	source.keep(result)
	if len(result.Few) > 0 {
		return result, few(result), nil
	}
	return result, r.write(result.Text), nil
}

// writeError is that of a file that can't be written.
type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }

func (r *Renderer) write(text []byte) error {
	changed, err := r.Write(text)
	if err != nil {
		return &writeError{fmt.Errorf("writing: %w", err)}
	}
	if changed {
		r.Written()
	}
	return nil
}

// few says which services have too few instances.
func few(r Result) error {
	return fmt.Errorf("%w of %s", ErrFew, strings.Join(r.Few, ", "))
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
