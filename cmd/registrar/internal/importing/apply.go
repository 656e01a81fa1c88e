package importing

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// ErrOvertaken is the error of Apply where others have changed the same meanwhile.
var ErrOvertaken = errors.New("changed by others meanwhile")

// Result counts what was done.
type Result struct{ Created, Updated, Deleted int }

// Apply makes the changes of a plan, each only if what it changes is still as it was read.
// What others have changed since then is left to them; the error is ErrOvertaken then, and
// all other changes are made. Another error, of the store, ends it at once. The result
// counts what was done in any case. To go on after an error, make another plan.
func (p *Plan) Apply(ctx context.Context, store Store) (Result, error) {
	w := &writer{store: store}
	var put, removed []*write
	for _, c := range p.Changes {
		o := &write{change: c, key: keyOf(p.options.Prefix, c.Key), value: c.New, revision: c.revision, requires: c.requires}
		if c.Action == Delete {
			removed = append(removed, o)
		} else {
			put = append(put, o)
		}
	}
	err := w.all(ctx, put)
	if err == nil {
		err = w.remove(ctx, removed)
	}
	r := result(put, removed)
	switch done := r.Created + r.Updated + r.Deleted; {
	case err != nil:
		return r, fmt.Errorf("after %d of %d changes: %w", done, len(p.Changes), err)
	case len(w.overtaken) > 0:
		return r, fmt.Errorf("%d of %d changes were not made: %w: %s: look at them, then run it again",
			len(w.overtaken), len(p.Changes), ErrOvertaken, strings.Join(w.overtaken, ", "))
	}
	return r, nil
}

// remove removes instances as unregistering does: first they are down, so that readers
// can tell it from a crash.
func (w *writer) remove(ctx context.Context, removed []*write) error {
	var downs, deletions []*write
	for _, o := range removed {
		in, err := catalog.DecodeValue(o.change.Key.ID, o.change.Old)
		if err != nil {
			return fmt.Errorf("removing %s: %w", o.change.Name(), err) // not so, by prune
		}
		o.done = false
		if in.Status != catalog.StatusDown {
			in.Status = catalog.StatusDown
			downs = append(downs, &write{change: o.change, key: o.key, value: in.EncodeValue(), revision: o.revision, deletion: o})
		}
		deletions = append(deletions, o)
	}
	if err := w.all(ctx, downs); err != nil {
		return err
	}
	for _, down := range downs {
		down.deletion.revision, down.deletion.lost = down.after, !down.done
	}
	return w.all(ctx, deletions)
}

func result(put, removed []*write) (r Result) {
	for _, o := range put {
		switch {
		case !o.done:
		case o.change.Action == Create:
			r.Created++
		default:
			r.Updated++
		}
	}
	for _, o := range removed {
		if o.done {
			r.Deleted++
		}
	}
	return r
}
