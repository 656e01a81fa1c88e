package mirror

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"
)

// Skeleton: the interface that the other packages build on until the real one is merged.

type Config struct {
	Source   Source
	Root     string
	Observer Observer
	Log      *slog.Logger
}

type Mirror struct{}

type Range struct{}

type RangeStatus struct {
	Range    string
	State    State
	Revision int64
	Contact  time.Time
	Err      error
}

type RestoredRange struct {
	Range    string
	Revision int64
	Contact  time.Time
}

var errClosed = errors.New("the watch was closed")

func New(cfg Config) *Mirror                            { panic("skeleton") }
func (m *Mirror) Run(ctx context.Context)               { panic("skeleton") }
func (m *Mirror) Follow(rng string, view View) *Range   { panic("skeleton") }
func (m *Mirror) Unfollow(r *Range, cache bool)         { panic("skeleton") }
func (m *Mirror) Forget(rng string)                     { panic("skeleton") }
func (m *Mirror) Ranges() []RangeStatus                 { panic("skeleton") }
func (m *Mirror) Status() Status                        { panic("skeleton") }
func (r *Range) Ready() <-chan struct{}                 { panic("skeleton") }
func (r *Range) Listed() <-chan struct{}                { panic("skeleton") }
func (r *Range) Status() RangeStatus                    { panic("skeleton") }
func (m *Mirror) Restore(view View, head Head, ranges []RestoredRange, entries iter.Seq[Event]) {
	panic("skeleton")
}
