package mirror

import (
	"crypto/sha256"

	"github.com/tidwall/btree"
)

// maxIndexed is the length of the longest key in the index. No key that means
// anything is as long, while etcd takes keys of more than a mebibyte: of these
// the beginning and a hash are enough.
const maxIndexed = 256

// indexKey returns what stands for a key in the index. It is in the same ranges.
func indexKey(key string) string {
	if len(key) < maxIndexed {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return key[:maxIndexed-len(sum)] + string(sum[:])
}

// isHashed reports whether a key of the index stands for a longer one, so that
// its place in the order says nothing.
func isHashed(short string) bool { return len(short) == maxIndexed }

// index has the keys that were committed to a view, by indexKey, in order. Neighbours,
// which have most of their text in common, share a block: that takes a fifth of the
// memory of a tree of strings. A copy costs nothing until one of the two changes, and
// can be read by another goroutine meanwhile. The zero value is empty.
type index struct {
	// blocks are the blocks, none of them empty, by their first key. Copying touches
	// the original, too.
	blocks btree.Map[string, block]
	count  int
}

// maxBlock is the size of a block beyond which it becomes two: some 100 keys, which is
// as many as a look-up goes through.
const maxBlock = 2048

// Len returns how many keys there are.
func (x *index) Len() int { return x.count }

// Copy returns a copy.
func (x *index) Copy() *index { return &index{*x.blocks.Copy(), x.count} }

// block returns the block that a key is in or belongs to, and its first key; an empty one
// if there is none.
func (x *index) block(key string) (first string, b block) {
	x.blocks.Descend(key, func(k string, v block) bool {
		first, b = k, v
		return false
	})
	if b == "" { // it comes before all others
		first, b, _ = x.blocks.Min()
	}
	return first, b
}

// Get returns the entry of a key.
func (x *index) Get(key string) (entry, bool) {
	_, b := x.block(key)
	w := b.walk()
	for w.next() && string(w.key) < key {
	}
	if string(w.key) != key || b == "" {
		return entry{}, false
	}
	return w.entry, true
}

// Set adds or replaces a key.
func (x *index) Set(key string, e entry) { x.edit(key, &e) }

// Delete removes a key, if it is there.
func (x *index) Delete(key string) { x.edit(key, nil) }

// edit puts a key in, or removes it where there is no entry.
func (x *index) edit(key string, e *entry) {
	first, b := x.block(key)
	next, found := b.with(key, e)
	switch {
	case found && e == nil:
		x.count--
	case !found && e != nil:
		x.count++
	case !found:
		return
	}
	x.blocks.Delete(first)
	if len(next) <= maxBlock {
		x.put(next)
		return
	}
	left, right := next.split()
	x.put(left)
	x.put(right)
}

// put adds a block, joined with the one before it if that leaves room for more.
func (x *index) put(b block) {
	if b == "" {
		return
	}
	first := b.first()
	if len(b) < maxBlock/4 {
		if before, other := x.block(first); before < first && other != "" && len(other)+len(b) <= maxBlock/2 {
			first, b = before, other.join(b)
		}
	}
	x.blocks.Set(first, b)
}

// from yields the keys from one on, in order. They are valid until the next one.
func (x *index) from(key string) *position {
	p := &position{at: x.blocks.Iter()}
	first, _ := x.block(key)
	p.more = p.at.Seek(first)
	if p.more {
		p.walk = p.at.Value().walk()
	}
	for p.next() && string(p.key) < key {
	}
	return p
}

// position is a key of an index, from which it goes through those that follow.
type position struct {
	at btree.MapIter[string, block]
	walk
	more bool // there is a key at the position
}

// next goes to the next key, and reports whether there is one.
func (p *position) next() bool {
	for p.more && !p.walk.next() {
		if p.more = p.at.Next(); p.more {
			p.walk = p.at.Value().walk()
		}
	}
	return p.more
}

// count returns how many keys of a range an index has.
func count(in *index, rng string) (n int) {
	for p := in.from(rng); p.more && covers(rng, string(p.key)); p.next() {
		n++
	}
	return n
}
