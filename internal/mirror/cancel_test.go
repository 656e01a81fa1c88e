package mirror

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestCancel stops mirrors at every stage. The bubble panics if a goroutine is
// left that nothing can end.
func TestCancel(t *testing.T) {
	t.Parallel()
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	tests := []struct {
		name    string
		prepare func(*fakeEtcd)
		after   func(*fakeEtcd)
		at      time.Duration
	}{
		{"at once", nil, nil, 0},
		{"before the first page", func(f *fakeEtcd) { f.hang() }, nil, time.Second},
		{"between pages", func(f *fakeEtcd) {
			f.onPage = func(ctx context.Context, page int) error {
				if page == 1 {
					return hang(ctx)
				}
				return nil
			}
		}, nil, time.Second},
		{"in a pause", func(f *fakeEtcd) { f.down = true }, nil, time.Second},
		{"opening the watch", func(f *fakeEtcd) { f.onStream = hang }, nil, time.Second},
		{"watching", nil, nil, time.Minute},
		{"asking for progress", func(f *fakeEtcd) { f.onProgress = hang }, nil, progressEvery + time.Millisecond},
		{"probing", nil, func(f *fakeEtcd) { f.hang() }, 2*progressEvery + time.Millisecond},
		{"with a probe's result under way", nil, func(f *fakeEtcd) { f.set(func() { f.deaf, f.slow = true, time.Second }) }, 2*progressEvery + time.Second},
		{"stale", nil, func(f *fakeEtcd) { f.hang() }, time.Minute},
		{"with responses waiting", nil, func(f *fakeEtcd) {
			for range 100 {
				f.put("/r/n/s/a", "2")
			}
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			scenario(t, func(f *fakeEtcd) {
				for _, key := range []string{"a", "b", "c", "d", "e"} {
					f.put("/r/n/s/"+key, "1")
				}
				if tt.prepare != nil {
					tt.prepare(f)
				}
			}, func(t *testing.T, f *fakeEtcd, g *rig) {
				if tt.after != nil {
					tt.after(f)
				}
				g.at(tt.at)
				before := time.Now()
				g.stop()
				if took := time.Since(before); took > 0 {
					t.Errorf("stopping took %v of the bubble's time", took)
				}
				synctest.Wait()
				if f.look().watches > 0 || f.look().probing > 0 {
					t.Errorf("%d watches and %d probes are left", f.look().watches, f.look().probing)
				}
				states := len(g.rec.look().states)
				g.passed(time.Hour)
				if len(g.rec.look().states) != states {
					t.Errorf("the state changed after the end: %v", g.rec.look().states)
				}
			})
		})
	}
}
