package roster

import (
	"context"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// await waits for the replica to have something to answer from, and calls started
// once it has, or at the end of the block's startup_timeout. If clients get SERVFAIL
// then it goes on, so that the log tells of the end, too.
func (s *shared) await(ctx context.Context, cfg *config, started func()) {
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, cfg.startupTimeout)
	defer cancel()
	_ = s.Wait(limited) // the status says more
	status := s.Status()
	age := ageOf(status)
	switch {
	case ctx.Err() != nil:
		return
	case status.State == mirror.Unsynced:
		s.logUnsynced(cfg.startupTimeout)
	case status.State == mirror.Stale && cfg.stale > 0 && age > cfg.stale:
		s.log.Warn("the last contact with etcd is longer ago than stale allows: answering SERVFAIL until contact",
			"prefix", s.config.prefix, "age", age.Round(time.Second).String(), "stale", cfg.stale.String())
	default:
		if status.State == mirror.Live { // else of a snapshot, of which the log has told
			s.log.Info("answering from etcd", s.contents(began)...)
		}
		started()
		return
	}
	started()
	if s.awaitAnswers(ctx, status.State) {
		s.log.Info("answering now", s.contents(began)...)
	}
}

// awaitAnswers waits for a list, or where there is one for contact, and reports
// whether there is: not if ctx ends it.
func (s *shared) awaitAnswers(ctx context.Context, state mirror.State) bool {
	if state == mirror.Unsynced {
		return s.Wait(ctx) == nil
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for s.Status().State != mirror.Live {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// logUnsynced tells that there is nothing to answer from.
func (s *shared) logUnsynced(waited time.Duration) {
	attrs := []any{"prefix", s.config.prefix, "waited", waited.String()}
	if err := s.LastError(); err != nil {
		attrs = append(attrs, "error", err)
	}
	s.log.Warn("no list from etcd yet: answering SERVFAIL", attrs...)
}

// contents is what is answered from, for the log.
func (s *shared) contents(began time.Time) []any {
	gen := s.Load()
	return []any{
		"prefix", s.config.prefix, "instances", gen.Instances(), "services", gen.Services(), "revision", gen.Revision(),
		"after", time.Since(began).Round(time.Millisecond).String(),
	}
}
