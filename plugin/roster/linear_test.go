package roster

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/coredns/caddy"
)

// work returns how many objects fn allocates, which is what set-up consists of: it
// parses, compares strings that it builds, and fills maps.
func work(fn func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs)
}

// wantLinear checks that twice as many take twice the work: four times if it were
// quadratic.
func wantLinear(t *testing.T, work func(n int) float64) {
	t.Helper()
	const n = 250
	work(n) // what is made once in a process
	once, twice := work(n), work(2*n)
	if twice > 2.5*once {
		t.Errorf("%.0f allocations for %d blocks, %.0f for %d", once, n, twice, 2*n)
	}
}

// TestSetupIsLinear: a Corefile of many blocks is set up in time that is linear in
// their number.
func TestSetupIsLinear(t *testing.T) {
	endpoint := closedPort(t)
	wantLinear(t, func(n int) float64 {
		plant(t, endpoint, shop)
		var corefile strings.Builder
		for i := range n {
			fmt.Fprintf(&corefile, "z%d.internal:0 {\n bind 127.0.0.1\n roster {\n endpoint %s\n }\n}\n", i, endpoint)
		}
		var inst *caddy.Instance
		allocated := work(func() {
			var err error
			if inst, err = caddy.Start(input(corefile.String())); err != nil {
				t.Fatal(err)
			}
		})
		s := &server{inst}
		s.await(t)
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		for _, err := range s.ShutdownCallbacks() {
			t.Error(err)
		}
		s.Wait()
		return allocated
	})
}

// TestSiblingsAreLinear is of blocks that read registries of their own, each with
// a snapshot of its own.
func TestSiblingsAreLinear(t *testing.T) { // not parallel: it counts what the process does
	dir := t.TempDir()
	wantLinear(t, func(n int) float64 {
		configs := make([]*config, n)
		for i := range configs {
			cfg, err := parseBlock(fmt.Sprintf("roster {\n prefix /a/p%d\n snapshot %s\n}", i, filepath.Join(dir, fmt.Sprint(i))))
			if err != nil {
				t.Fatal(err)
			}
			configs[i] = cfg
		}
		return work(func() {
			b := newBlocks()
			defer b.cancel()
			for _, cfg := range configs {
				r, err := newHandler(cfg, ownAddrs, b.limits)
				if err != nil {
					t.Fatal(err)
				}
				if err := b.add(r, cfg); err != nil {
					t.Fatal(err)
				}
			}
			registries := make([]*registryConfig, n)
			for i, cfg := range configs {
				registries[i] = &cfg.registry
			}
			newPool(logger).successions(registries)
		})
	})
}

func TestZoneTree(t *testing.T) {
	t.Parallel()
	tree := newZoneTree([]string{"a.b.internal.", "internal.", "b.internal.", "a.b.internal.", ".", "x.org."})
	for zone, want := range map[string]string{
		".": "[a.b.internal. internal. b.internal. x.org.]", "internal.": "[a.b.internal. b.internal.]",
		"b.internal.": "[a.b.internal.]", "a.b.internal.": "[]", "org.": "[x.org.]", "l.": "[]",
	} {
		if got := fmt.Sprint(tree.below[zone]); got != want {
			t.Errorf("below %s: %s, want %s", zone, got, want)
		}
	}
}
