package services

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

func compareID(a, b catalog.Instance) int { return strings.Compare(a.ID, b.ID) }

// TestApply applies batches and compares what is served afterwards. A key without a lease,
// which stayed for good in go-zero (PR#5545) and dubbo-go#688, is no instance unless it is
// static.
func TestApply(t *testing.T) {
	t.Parallel()
	const (
		draining = `{"status":"draining","reason":"r"}`
		down     = `{"status":"down"}`
	)
	tests := []struct {
		name    string
		batches []commit
		want    []string
		skipped map[SkipReason]int
	}{
		{name: "nothing", batches: []commit{{Revision: 5}}},
		{
			name: "put out of order",
			batches: []commit{
				batch(put(2, "n/s/b", value(2, "")), put(3, "n/s/a", value(1, "")), put(4, "n/s/c", value(3, ""))),
				batch(put(5, "n/s/bb", value(4, ""))),
			},
			want: []string{"n/s@5: a=1/up b=2/up bb=4/up c=3/up"},
		},
		{
			name: "replace",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/b", value(2, ""))),
				batch(put(4, "n/s/a", value(9, `"status":"draining"`))),
			},
			want: []string{"n/s@4: a=9/draining b=2/up"},
		},
		{
			name: "replace within a batch",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), del(3, "n/s/a"), put(4, "n/s/a", value(2, "")), put(5, "n/s/a", value(3, ""))),
			},
			want: []string{"n/s@5: a=3/up"},
		},
		{
			name: "delete one",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/b", value(2, "")), put(4, "n/s/c", value(3, ""))),
				batch(del(5, "n/s/b")),
			},
			want: []string{"n/s@5: a=1/up c=3/up"},
		},
		{
			name: "delete the last",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/t/a", value(1, ""))),
				batch(del(4, "n/s/a")),
			},
			want: []string{"n/t@3: a=1/up"},
		},
		{
			name: "delete what is not there",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, ""))),
				batch(del(3, "n/s/b"), del(3, "n/t/b"), del(3, "n/s/_status/b"), del(3, "n/s/_policy"), del(3, "no key")),
			},
			want: []string{"n/s@2: a=1/up"},
		},
		{
			name: "other services stay",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s-t/a", value(2, "")), put(4, "n-m/s/a", value(3, ""))),
				batch(put(5, "n/s/b", value(4, ""))),
			},
			want: []string{"n/s@5: a=1/up b=4/up", "n/s-t@3: a=2/up", "n-m/s@4: a=3/up"},
		},
		{
			name: "static without a lease",
			batches: []commit{batch(
				putWithoutLease(2, "n/s/a", value(1, `"static":true`)),
				put(3, "n/s/b", value(2, `"static":true`)),
				putWithoutLease(4, "n/s/c", value(3, "")),
				putWithoutLease(5, "n/s/d", value(4, `"static":false`)),
			)},
			want:    []string{"n/s@3: a=1/up b=2/up"},
			skipped: map[SkipReason]int{SkipLease: 2},
		},
		{
			name: "instance that loses its lease",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/b", value(2, ""))),
				batch(putWithoutLease(4, "n/s/a", value(1, ""))),
			},
			want:    []string{"n/s@4: b=2/up"},
			skipped: map[SkipReason]int{SkipLease: 1},
		},
		{
			name: "bad value removes that instance only",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/b", value(2, ""))),
				batch(put(4, "n/s/a", `{"addresses":["not an address"]}`)),
			},
			want:    []string{"n/s@4: b=2/up"},
			skipped: map[SkipReason]int{SkipValue: 1},
		},
		{
			name: "bad value and nothing else",
			batches: []commit{
				batch(put(2, "n/s/a", `{}`), putWithoutLease(3, "n/s/b", "{")),
			},
			skipped: map[SkipReason]int{SkipValue: 2},
		},
		{
			name: "bad value fixed",
			batches: []commit{
				batch(put(2, "n/s/a", `[]`)),
				batch(put(3, "n/s/a", value(1, ""))),
			},
			want:    []string{"n/s@3: a=1/up"},
			skipped: map[SkipReason]int{SkipValue: 1},
		},
		{
			name: "bad keys",
			batches: []commit{batch(
				put(2, "n/s/a", value(1, "")),
				put(3, "n/s/B", value(1, "")),
				put(4, "n/s", value(1, "")),
				put(5, "n/s/a/b", value(1, "")),
				put(6, "", value(1, "")),
				put(7, "dns/s/a", value(1, "")),
				put(8, "n//a", value(1, "")),
				put(9, "n/s/_status/B", down),
			)},
			want:    []string{"n/s@2: a=1/up"},
			skipped: map[SkipReason]int{SkipKey: 7},
		},
		{
			name: "policies and reserved keys",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, ""))),
				batch(
					put(3, "n/s/_policy", `{"ttl":9}`), put(4, "n/t/_policy", "{"), put(5, "_audit/x/y", "?"),
					put(6, "n/s/_x", "?"), put(7, "_probe", "?"), put(8, "n/s/_x/a/b/c", "?"), del(9, "_probe"),
				),
			},
			want:    []string{`n/s@3: a=1/up {"ttl":9}`},
			skipped: map[SkipReason]int{SkipPolicy: 1},
		},
		{
			name: "policy replaced",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_policy", `{"ttl":9}`)),
				batch(put(4, "n/s/_policy", `{"min_up":1}`)),
			},
			want: []string{`n/s@4: a=1/up {"min_up":1}`},
		},
		{
			name: "policy deleted",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_policy", `{"ttl":9}`)),
				batch(del(4, "n/s/_policy")),
			},
			want: []string{"n/s@4: a=1/up"},
		},
		{
			name: "policy that can't be read counts as absent",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_policy", `{"ttl":9}`), put(4, "n/t/_policy", `{"alias":"n/s"}`)),
				batch(put(5, "n/s/_policy", `{"min_up":-1}`), put(6, "n/t/_policy", `{"alias":"n/t"}`)),
			},
			want:    []string{"n/s@5: a=1/up"},
			skipped: map[SkipReason]int{SkipPolicy: 2},
		},
		{
			name: "policy before the instance",
			batches: []commit{
				batch(put(2, "n/s/_policy", `{"ttl":9}`)),
				batch(put(3, "n/s/_policy", `{"ttl":8}`)),
				batch(put(4, "n/s/a", value(1, ""))),
			},
			want: []string{`n/s@4: a=1/up {"ttl":8}`},
		},
		{
			name: "policy of a service that goes and comes back",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(9, "n/s/_policy", `{"ttl":9}`)),
				batch(del(10, "n/s/a")),
				batch(put(11, "n/s/a", value(2, ""))),
			},
			want: []string{`n/s@11: a=2/up {"ttl":9}`},
		},
		{
			name: "policy deleted while there is no service",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_policy", `{"ttl":9}`)),
				batch(del(4, "n/s/a")),
				batch(del(5, "n/s/_policy")),
				batch(put(6, "n/s/a", value(1, ""))),
			},
			want: []string{"n/s@6: a=1/up"},
		},
		{
			name: "services that exist by their policy alone",
			batches: []commit{
				batch(put(2, "n/alias/_policy", `{"alias":"n/s"}`), put(3, "n/failover/_policy", `{"failover":["n/s"]}`), put(4, "n/plain/_policy", `{"ttl":9}`)),
				batch(put(5, "n/alias/a", value(1, "")), put(6, "n/failover/a", value(1, ""))),
				batch(del(7, "n/alias/a"), del(8, "n/failover/a")),
			},
			want: []string{`n/alias@7: {"alias":"n/s"}`, `n/failover@8: {"failover":["n/s"]}`},
		},
		{
			name: "the last thing of a service is its alias",
			batches: []commit{
				batch(put(2, "n/s/_policy", `{"alias":"n/t"}`)),
				batch(put(3, "n/s/_policy", `{"ttl":9}`)),
			},
		},

		{
			name: "override makes worse",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/b", value(2, `"status":"draining"`)), put(4, "n/s/c", value(3, `"status":"down"`))),
				batch(put(5, "n/s/_status/a", draining), put(5, "n/s/_status/b", down), put(5, "n/s/_status/c", draining)),
			},
			want: []string{"n/s@5: a=1/draining b=2/down c=3/down"},
		},
		{
			name: "override of up", // counts as down
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_status/a", `{"status":"up"}`), put(4, "n/s/b", value(1, "")), put(5, "n/s/_status/b", `{"status":"asleep"}`)),
			},
			want:    []string{"n/s@5: a=1/down b=1/down"},
			skipped: map[SkipReason]int{SkipOverride: 2},
		},
		{
			name: "override before the instance",
			batches: []commit{
				batch(putWithoutLease(2, "n/s/_status/a", draining)),
				batch(put(3, "n/s/a", value(1, "")), put(4, "n/s/b", value(2, ""))),
			},
			want: []string{"n/s@4: a=1/draining b=2/up"},
		},
		{
			name:    "override that is newer than the instance",
			batches: []commit{batch(putWithoutLease(5, "n/s/_status/a", draining)), {Events: []mirror.Event{put(3, "n/s/a", value(1, ""))}, Revision: 5}},
			want:    []string{"n/s@5: a=1/draining"},
		},
		{
			name:    "override alone is no service",
			batches: []commit{batch(put(2, "n/s/_status/a", draining))},
		},
		{
			name: "override outlives the instance",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_status/a", draining)),
				batch(del(4, "n/s/a")),
				batch(put(5, "n/s/a", value(2, ""))),
			},
			want: []string{"n/s@5: a=2/draining"},
		},
		{
			name: "override through replacements",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_status/a", draining)),
				batch(put(4, "n/s/a", value(2, `"status":"down"`))),
				batch(put(5, "n/s/a", value(3, ""))),
			},
			want: []string{"n/s@5: a=3/draining"},
		},
		{
			name: "override replaced",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_status/a", down)),
				batch(put(4, "n/s/_status/a", draining)),
			},
			want: []string{"n/s@4: a=1/draining"},
		},
		{
			name: "override removed",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(2, "n/s/b", value(2, `"status":"draining"`))),
				batch(put(3, "n/s/_status/a", down), put(3, "n/s/_status/b", down)),
				batch(del(4, "n/s/_status/a"), del(4, "n/s/_status/b")),
			},
			want: []string{"n/s@4: a=1/up b=2/draining"},
		},
		{
			name: "override replaced, then removed, around a new value",
			batches: []commit{
				batch(put(2, "n/s/_status/a", down)),
				batch(put(3, "n/s/a", value(1, `"status":"draining"`))),
				batch(put(4, "n/s/_status/a", draining)),
				batch(put(5, "n/s/a", value(2, ""))),
				batch(del(6, "n/s/_status/a")),
			},
			want: []string{"n/s@6: a=2/up"},
		},
		{
			name: "override removed while the instance is away",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_status/a", down)),
				batch(del(4, "n/s/a"), del(5, "n/s/_status/a")),
				batch(put(6, "n/s/a", value(2, ""))),
			},
			want: []string{"n/s@6: a=2/up"},
		},
		{
			name: "unknown override reads as down",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_status/a", `{"status":"sleeping"}`)),
			},
			want:    []string{"n/s@3: a=1/down"},
			skipped: map[SkipReason]int{SkipOverride: 1},
		},
		{
			name: "bad override counts as down",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_status/a", draining)),
				batch(put(4, "n/s/_status/a", `{"reason":"no status"}`), put(4, "n/s/_status/b", `"draining"`)),
				batch(put(5, "n/s/b", value(2, ""))),
			},
			want:    []string{"n/s@5: a=1/down b=2/down"},
			skipped: map[SkipReason]int{SkipOverride: 2},
		},
		{
			name: "bad value under an override",
			batches: []commit{
				batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_status/a", down)),
				batch(put(4, "n/s/a", "{")),
				batch(put(5, "n/s/a", value(2, ""))),
			},
			want:    []string{"n/s@5: a=2/down"},
			skipped: map[SkipReason]int{SkipValue: 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, sk := newStore(t)
			for i, b := range tt.batches {
				apply(s, b)
				if err := check(s.Load()); err != nil {
					t.Fatalf("after batch %d: %v", i, err)
				}
			}
			want := slices.Clone(tt.want)
			if got := show(s.Load()); !slices.Equal(got, want) {
				t.Errorf("served:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if fmt.Sprint(sk.counts) != fmt.Sprint(tt.skipped) && len(sk.counts)+len(tt.skipped) > 0 {
				t.Errorf("skipped %v, want %v", sk.counts, tt.skipped)
			}
			if revision := tt.batches[len(tt.batches)-1].Revision; s.Load().Revision() != revision {
				t.Errorf("revision %d, want %d", s.Load().Revision(), revision)
			}
			// Whoever reads the same keys later shows the same: a new list in one go.
			if again := applyAll(t, tt.batches); !slices.Equal(again, want) {
				t.Errorf("in one batch:\n%s\nwant:\n%s", strings.Join(again, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func applyAll(t *testing.T, batches []commit) []string {
	t.Helper()
	s, _ := newStore(t)
	var all commit
	for _, b := range batches {
		all.Events, all.Revision = append(all.Events, b.Events...), b.Revision
	}
	apply(s, all)
	return show(s.Load())
}

// TestInstance checks that a value arrives whole.
func TestInstance(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	const v = `{"addresses":["10.0.0.7"],"ports":[{"name":"http","port":8080}],"priority":3,"ttl":9,"locality":"az1",` +
		`"tags":["x"],"metadata":{"k":"v"},"status":"draining","static":true,"unknown":1}`
	data := []byte(v)
	apply(s, commit{Events: []mirror.Event{{Key: "n/s/a", Value: data, ModRevision: 2}}, Revision: 2})
	clear(data) // the value is the mirror's again
	want, err := catalog.DecodeValue("a", []byte(v))
	if err != nil {
		t.Fatal(err)
	}
	got := s.Load().Service("n", "s").Instance("a")
	if fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", want) {
		t.Errorf("instance %+v, want %+v", *got, want)
	}
	if in := s.Load().Service("n", "s").Instance("b"); in != nil {
		t.Errorf("an instance that is not there: %+v", in)
	}
}

// TestRevisionAfterARestore: after a restore from a backup a service has the
// revision of its last change there, which rises with each; also one that waits
// for an instance.
func TestRevisionAfterARestore(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	changes := s.Subscribe()
	apply(s, batch(
		put(90, "n/other/a", value(1, "")), put(30, "n/old/a", value(1, "")), put(95, "n/vacant/_status/a", `{"status":"down"}`), put(100, "n/s/a", value(1, ""))))
	old := s.Load()
	changes.Next()
	p := pager{View: s}
	p.apply(commit{Events: []mirror.Event{put(40, "n/s/a", value(2, ""))}})
	p.apply(commit{Revision: 40, Regressed: true})
	if deltas, _ := changes.Next(); len(deltas) != 1 || len(deltas[0].Changes) != 2 {
		t.Errorf("told of %+v, want one delta with 2 services", deltas)
	}
	want := []string{"n/old@30: a=1/up", "n/other@40: a=1/up", "n/s@40: a=2/up"}
	if got := show(s.Load()); !slices.Equal(got, want) {
		t.Errorf("after the restore %q, want %q", got, want)
	}
	if err := check(s.Load()); err != nil {
		t.Error(err)
	}
	if old.Service("n", "other").Revision != 90 {
		t.Error("the generation before was changed")
	}
	apply(s, batch(put(41, "n/s/a", value(2, "")), put(42, "n/vacant/a", value(1, ""))))
	want = []string{"n/old@30: a=1/up", "n/other@40: a=1/up", "n/s@41: a=2/up", "n/vacant@42: a=1/down"}
	if got := show(s.Load()); !slices.Equal(got, want) {
		t.Errorf("after changes %q, want %q", got, want)
	}
}
