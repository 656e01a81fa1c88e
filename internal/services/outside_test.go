package services

import (
	"strings"
	"testing"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestPolicyOutsideRanges: what a policy names in vain is logged once per revision of
// the policy, behind a guard too, and only where the ranges are known.
func TestPolicyOutsideRanges(t *testing.T) {
	t.Parallel()
	first := put(2, "n/s/_policy", `{"alias":"n/a","failover":["m/b","other/c","nn/d"]}`)
	second := put(3, "n/s/_policy", `{"alias":"other/a"}`)
	inside := put(4, "n/t/_policy", `{"alias":"m/s"}`)
	for name, tt := range map[string]struct {
		ranges []string
		guard  bool
		want   []string // of each line
	}{
		"of namespaces": {[]string{"n/", "m/"}, false, []string{`revision=2 targets="other/c nn/d"`, `revision=3 targets=other/a`}},
		"guarded":       {[]string{"n/", "m/"}, true, []string{`revision=2 targets="other/c nn/d"`, `revision=3 targets=other/a`}},
		"of all":        {[]string{""}, false, nil},
		"on demand":     {nil, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, sk := newStore(t)
			s.SetRanges(tt.ranges)
			var v mirror.View = s
			if tt.guard {
				v = NewGuard(s, GuardConfig{Protect: 50})
			}
			for _, ev := range []mirror.Event{first, second, inside, put(5, "n/s/a", value(1, "")), del(6, "n/s/_policy")} {
				apply(v, batch(ev))
			}
			lines := sk.lines()
			if len(lines) != len(tt.want) {
				t.Fatalf("logged %q, want %d lines", lines, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.Contains(lines[i], "outside the configured namespaces") || !strings.Contains(lines[i], "key=n/s/_policy "+want) {
					t.Errorf("line %d is %q, want %q in it", i, lines[i], want)
				}
			}
			if len(sk.counts) > 0 {
				t.Errorf("skipped %v", sk.counts)
			}
		})
	}
}
