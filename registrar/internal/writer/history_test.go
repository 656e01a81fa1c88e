package writer

import (
	"fmt"
	"testing"
	"time"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	start := time.Now()
	value := func(i int) []byte { return fmt.Appendf(nil, "value %d", i) }
	never := func(int64) bool { return false }
	t.Run("resolved by as many answers as there were writes", func(t *testing.T) {
		t.Parallel()
		var h history
		for range 3 {
			h.sending(value(1), 7, start)
		}
		for i := range 3 {
			if !h.sent(value(1), 7) {
				t.Errorf("forgotten after %d answers to 3 writes", i)
			}
			h.resolve(value(1), 7)
		}
		h.resolve(value(1), 7)
		if h.sentAny() || h.straggles(start, never) {
			t.Errorf("%+v is remembered though all was answered", h)
		}
	})
	t.Run("bounded", func(t *testing.T) {
		t.Parallel()
		var h history
		for i := range 3 * maxUnacknowledged {
			h.sending(value(i), 0, start)
		}
		if n := len(h.unacknowledged); n != maxUnacknowledged || h.sent(value(0), 0) || !h.sent(value(3*maxUnacknowledged-1), 0) {
			t.Errorf("%d values are remembered, want the last %d", n, maxUnacknowledged)
		}
	})
	t.Run("stragglers", func(t *testing.T) {
		t.Parallel()
		var h history
		h.sending(value(1), 0, start)
		h.sending(value(1), 7, start.Add(time.Second))
		expired := func(lease int64) bool { return lease == 7 }
		for name, tt := range map[string]struct {
			expired func(int64) bool
			end     time.Time
		}{
			"of the last write": {never, start.Add(time.Second + stragglerLimit)},
			"of the write under no lease, as the lease has expired": {expired, start.Add(stragglerLimit)},
		} {
			if !h.straggles(tt.end.Add(-1), tt.expired) || h.straggles(tt.end, tt.expired) {
				t.Errorf("the time %s is not over %v after it", name, stragglerLimit)
			}
		}
	})
	t.Run("whose it is", func(t *testing.T) {
		t.Parallel()
		h := history{acked: true, revision: 5}
		h.sending(value(2), 0, start)
		h.sending(value(3), 7, start)
		own := func(lease int64) bool { return lease == 7 }
		for name, tt := range map[string]struct {
			o    observed
			want bool
		}{
			"under the own lease":                  {observed{lease: 7, value: value(9), revision: 8}, true},
			"under another's":                      {observed{lease: 8, value: value(3), revision: 8}, false},
			"what was acknowledged":                {observed{value: value(1), revision: 5}, true},
			"its value again, of others":           {observed{value: value(1), revision: 8}, false},
			"a straggler":                          {observed{value: value(2), revision: 8}, true},
			"the value of a write under the lease": {observed{value: value(3), revision: 8}, false},
		} {
			if got := h.wrote(tt.o, own); got != tt.want {
				t.Errorf("%s: this client's is %v, want %v", name, got, tt.want)
			}
		}
	})
}
