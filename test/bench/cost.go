package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rosterdns/roster/test/bench/drive"
	"github.com/rosterdns/roster/test/bench/peers"
)

// cost is what queries cost a server.
type cost struct {
	perQuery time.Duration // of processors, user and system
	rate     float64       // answers a second
}

// micros is a time in µs.
func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// millis is a time in ms.
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// ratio is one time as a multiple of another.
func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// cost asks as fast as the server answers, after each question was asked once, which
// fills caches.
func (b *bench) cost(ctx context.Context, s *peers.Server, l drive.Load) (cost, error) {
	l.Port, l.Duration = s.Port, b.duration
	warm := l
	warm.Once = true
	if _, err := b.driver.Drive(ctx, warm); err != nil {
		return cost{}, fmt.Errorf("warming up %s: %w", s.Name(), err)
	}
	var r drive.Result
	cpu, err := cpuOf(s, func() (err error) {
		r, err = b.driver.Drive(ctx, l)
		return err
	})
	if err != nil {
		return cost{}, fmt.Errorf("asking %s: %w", s.Name(), err)
	}
	return cost{cpu / time.Duration(r.Answered), r.Rate()}, nil
}

// cpuOf returns the processor time that a server takes while do runs.
func cpuOf(s *peers.Server, do func() error) (time.Duration, error) {
	before, err := s.CPU()
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := s.CPU()
	return after - before, err
}

// sleep waits, unless ctx is done first.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
