package services

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestSkippedOf shows that what a Store skips of keys is told of each.
func TestSkippedOf(t *testing.T) {
	t.Parallel()
	keys := []mirror.Event{
		put(2, "default/orders/_policy", `{`),
		put(3, "default/orders/_status/a", `{`),
		put(4, "default/orders/_status/b", `{"status":"down"}`),
		put(5, "default/orders/a", value(1, "")),
		put(6, "default/orders/b", `{}`),
		putWithoutLease(7, "default/orders/c", value(1, "")),
		putWithoutLease(8, "default/orders/d", value(1, `"static":true`)),
		put(9, "default/orders", ``),
		put(10, "default/orders/_future/a", ``),
	}
	var got []string
	for _, s := range SkippedOf(keys) {
		if s.Err == nil {
			t.Errorf("%s is skipped without an error", s.Key)
		}
		got = append(got, fmt.Sprintf("%s %d %s", s.Key, s.Revision, s.Reason))
	}
	want := []string{
		"default/orders/_policy 2 policy", "default/orders/_status/a 3 override", "default/orders/b 6 value",
		"default/orders/c 7 lease", "default/orders 9 key",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
