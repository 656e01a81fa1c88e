package inspect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/internal/mirror"
)

var orders = catalog.ServiceName{Namespace: "default", Name: "orders"}

func TestRegistry(t *testing.T) {
	t.Parallel()
	r := inspect.New([]mirror.Event{
		key("default/orders/_status/a", `{"status":"draining","reason":"kernel update"}`, 12),
		key("default/orders/_status/b", `{status:"down"}`, 13),
		key("default/orders/_status/broken", `{"status":"down"}`, 13),
		key("default/orders/_status/gone", `{"status":"down"}`, 14),
		key("default/orders/a", leased, 5),
		key("default/orders/b", static, 6),
		key("default/orders/broken", `{}`, 7),
		{Key: "default/orders/unleased", Value: []byte(leased), ModRevision: 8},
		key("default/x", `{}`, 9),
	}, 20)
	if r.Revision != 20 || r.LastChange != 14 {
		t.Errorf("revision %d, last change %d; want 20, 14", r.Revision, r.LastChange)
	}
	var overrides []string
	for i := range r.Overrides {
		o := &r.Overrides[i]
		overrides = append(overrides, fmt.Sprintf("%s %s %s %s", o.Name(), o.Status, o.InstanceStatus(), o.Explain()))
	}
	want := []string{
		"default/orders/a draining up kernel update",
		"default/orders/b down up (unreadable: ",
		"default/orders/broken down missing ",
		"default/orders/gone down missing ",
	}
	if !slices.EqualFunc(overrides, want, strings.HasPrefix) {
		t.Errorf("overrides:\n%s\nwant:\n%s", strings.Join(overrides, "\n"), strings.Join(want, "\n"))
	}
	var skipped []string
	for _, s := range r.Skipped {
		skipped = append(skipped, fmt.Sprintf("%s %d %s", s.Key, s.Revision, s.Reason))
	}
	wantSkipped := []string{
		"default/orders/_status/b 13 override", "default/orders/broken 7 value", "default/orders/unleased 8 lease", "default/x 9 key",
	}
	if !slices.Equal(skipped, wantSkipped) {
		t.Errorf("skipped %q, want %q", skipped, wantSkipped)
	}
	s := r.Generation.Service("default", "orders")
	if s.Len() != 2 || s.Up() != 0 {
		t.Errorf("%d of %d instances are up, want 0 of 2", s.Up(), s.Len())
	}
	if kinds := inspect.KindsOf(s); kinds != "leased,static" {
		t.Errorf("kinds %q", kinds)
	}
	for id, want := range map[string]bool{"a": true, "broken": true, "gone": false} {
		if r.Exists(orders, id) != want {
			t.Errorf("%s exists: %v, want %v", id, !want, want)
		}
	}
}

func TestEffect(t *testing.T) {
	t.Parallel()
	const drainA, drainB = `default/orders/_status/a {"status":"draining"}`, `default/orders/_status/b {"status":"down"}`
	const domain = "orders.default.svc.internal"
	for _, tt := range []struct {
		name   string
		policy string
		more   []string
		want   string
		warn   bool
	}{
		{"all up", "", nil, "DNS answers " + domain + " from 2 of 2 instances", false},
		{"one drained", "", []string{drainA}, "DNS answers " + domain + " from 1 of 2 instances", false},
		{"none up", "", []string{drainA, drainB}, "no instance of default/orders is up: DNS answers " + domain + " without records (NODATA) until one is", true},
		{"min_up", `{"min_up":2}`, []string{drainA}, "1 of 2 instances of default/orders are up, fewer than the min_up 2 of its policy: DNS answers " + domain + " from all of them", true},
		{"failover not needed", `{"failover":["eu/orders"]}`, []string{drainA}, "DNS answers " + domain + " from 1 of 2 instances", false},
		{"failover", `{"failover":["eu/orders","us/orders"]}`, []string{drainA, drainB}, "no instance of default/orders is up: DNS answers " + domain + " from its failover: eu/orders, us/orders", true},
		{"alias", `{"alias":"eu/orders"}`, []string{drainA, drainB}, "DNS answers " + domain + " from eu/orders, of which default/orders is an alias: overrides of its own instances change nothing there", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			keys := []mirror.Event{key("default/orders/a", leased, 5), key("default/orders/b", leased, 6)}
			if tt.policy != "" {
				keys = append(keys, key("default/orders/_policy", tt.policy, 7))
			}
			for _, kv := range tt.more {
				name, value, _ := strings.Cut(kv, " ")
				keys = append(keys, key(name, value, 8))
			}
			text, warn := inspect.New(keys, 10).Effect(orders, "svc.internal")
			if text != tt.want || warn != tt.warn {
				t.Errorf("got %q, %v; want %q, %v", text, warn, tt.want, tt.warn)
			}
		})
	}
	if text, warn := inspect.New(nil, 1).Effect(orders, "svc.internal"); text != "default/orders has no instance: DNS has no name "+domain || warn {
		t.Errorf("without an instance: %q, %v", text, warn)
	}
}
