package mirror

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// contents returns what an index has from a key on.
func (x *index) contents(from string) map[string]entry {
	m := map[string]entry{}
	for p := x.from(from); p.more; p.next() {
		m[string(p.key)] = p.entry
	}
	return m
}

// indexErr returns where an index differs from a map.
func indexErr(rng *rand.Rand, x *index, want map[string]entry) error {
	from := randomKey(rng)
	expected := maps.Clone(want)
	maps.DeleteFunc(expected, func(key string, _ entry) bool { return key < from })
	if got := x.contents(from); !maps.Equal(got, expected) {
		return fmt.Errorf("from %q: %d keys, want %d", from, len(got), len(expected))
	}
	if x.Len() != len(want) {
		return fmt.Errorf("it has %d keys, and says %d", len(want), x.Len())
	}
	key := randomKey(rng)
	got, ok := x.Get(key)
	if w, there := want[key]; got != w || ok != there {
		return fmt.Errorf("key %q is %v (present: %v), want %v (%v)", key, got, ok, w, there)
	}
	last := ""
	for p := x.from(""); p.more; p.next() {
		if string(p.key) < last {
			return fmt.Errorf("%q comes after %q", p.key, last)
		}
		last = string(p.key)
	}
	return nil
}

// randomKey is one of some thousand keys: often one begins with another.
func randomKey(rng *rand.Rand) string {
	key := fmt.Sprintf("n%d/s%d/i%d", rng.IntN(3), rng.IntN(30), rng.IntN(40))
	if rng.IntN(20) == 0 {
		key += strings.Repeat("x", rng.IntN(maxIndexed-len(key)))
	}
	return key[:rng.IntN(len(key)+1)]
}

// TestIndexModel makes random changes to an index and to a map, and compares them;
// copies stay as they were.
func TestIndexModel(t *testing.T) {
	t.Parallel()
	for range 20 {
		seed := rand.Uint64()
		rng := rand.New(rand.NewPCG(seed, 0))
		x, want := new(index), map[string]entry{}
		copied, then := x.Copy(), maps.Clone(want)
		for step := range 3000 {
			key, e := randomKey(rng), entry{rng.Int64(), rng.Uint32()}
			switch n := rng.IntN(1000); {
			case n < 600:
				x.Set(key, e)
				want[key] = e
			case n < 990:
				x.Delete(key)
				delete(want, key)
			case n < 995:
				copied, then = x.Copy(), maps.Clone(want)
			default:
				replaceRandomly(rng, x, want)
			}
			if step%100 > 0 {
				continue
			}
			for _, err := range []error{indexErr(rng, x, want), indexErr(rng, copied, then)} {
				if err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, step, err)
				}
			}
		}
	}
}

// replaceRandomly replaces what an index and a map have of a range.
func replaceRandomly(rng *rand.Rand, x *index, want map[string]entry) {
	name := []string{"", "n1/", "n1/s7/", "n2/s3/i1", "n2/none/"}[rng.IntN(5)]
	maps.DeleteFunc(want, func(key string, _ entry) bool { return covers(name, key) })
	found := newAppender(new(index))
	var keys []string
	for range rng.IntN(1000) {
		if key := randomKey(rng); covers(name, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if len(keys) > 1 && rng.IntN(2) == 0 { // one comes out of order, as those that are hashed
		keys[0], keys[len(keys)-1] = keys[len(keys)-1], keys[0]
	}
	for _, key := range keys {
		e := entry{rng.Int64(), rng.Uint32()}
		found.add(key, e)
		want[key] = e
	}
	x.replace(name, found.done())
}

// TestIndexBlocks: keys that come and go leave blocks that are about half full, and none
// that is larger than it may be.
func TestIndexBlocks(t *testing.T) {
	t.Parallel()
	x, rng := new(index), rand.New(rand.NewPCG(1, 1))
	key := func() string { return fmt.Sprintf("default/service-%03d/instance-%03d", rng.IntN(100), rng.IntN(1000)) }
	for range 50_000 {
		x.Set(key(), entry{modRevision: 1})
	}
	for range 200_000 {
		x.Delete(key())
		x.Set(key(), entry{modRevision: 2})
	}
	size := 0
	x.blocks.Scan(func(first string, b block) bool {
		if size += len(first) + len(b); len(b) > maxBlock || b == "" {
			t.Errorf("a block of %d bytes", len(b))
		}
		return true
	})
	if perKey := float64(size) / float64(x.Len()); perKey > 25 {
		t.Errorf("a key takes %.0f bytes", perKey)
	}
	if least := size / x.blocks.Len(); least < maxBlock/4 {
		t.Errorf("blocks have %d bytes", least)
	}
}
