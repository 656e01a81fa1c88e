package mirror

import (
	"encoding/binary"
	"hash/crc32"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// entry is what the mirror remembers of a key.
type entry struct {
	// modRevision is 0 for a key that a snapshot brought: the first list takes
	// it for changed.
	modRevision int64
	// sum tells values apart that have the same revision, as they can after a
	// restore from a backup.
	sum uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func entryOf(kv *mvccpb.KeyValue) entry {
	var lease [8]byte
	binary.LittleEndian.PutUint64(lease[:], uint64(kv.Lease))
	return entry{kv.ModRevision, crc32.Update(crc32.Checksum(kv.Value, castagnoli), castagnoli, lease[:])}
}

// block is some keys of an index in order, each with its entry: how much of the key
// before it begins with, the length of the rest, the rest, the revision, and the sum in
// four bytes; other numbers are uvarints.
type block string

// walk goes through the keys of a block. Each is valid until the next.
type walk struct {
	rest block
	key  []byte
	entry
}

func (b block) walk() walk { return walk{rest: b} }

// next goes to the next key, and reports whether there is one.
func (w *walk) next() bool {
	if w.rest == "" {
		return false
	}
	shared, length := w.number(), w.number()
	w.key = append(w.key[:shared], w.rest[:length]...)
	w.rest = w.rest[length:]
	w.modRevision = int64(w.number())
	w.sum = uint32(w.rest[0]) | uint32(w.rest[1])<<8 | uint32(w.rest[2])<<16 | uint32(w.rest[3])<<24
	w.rest = w.rest[4:]
	return true
}

func (w *walk) number() (n uint64) {
	for i := 0; ; i++ {
		b := w.rest[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			w.rest = w.rest[i+1:]
			return n
		}
	}
}

// appendKey appends a key that follows another one; that is empty for the first.
func appendKey[T, U string | []byte](b []byte, before T, key U, e entry) []byte {
	shared, most := 0, min(len(before), len(key))
	for shared < most && before[shared] == key[shared] {
		shared++
	}
	b = binary.AppendUvarint(b, uint64(shared))
	b = binary.AppendUvarint(b, uint64(len(key)-shared))
	b = append(b, key[shared:]...)
	b = binary.AppendUvarint(b, uint64(e.modRevision))
	return binary.LittleEndian.AppendUint32(b, e.sum)
}

// first returns the first key.
func (b block) first() string {
	w := b.walk()
	w.next()
	return string(w.key)
}

// with returns a block in which a key has an entry, or in which it is not if that is nil;
// and whether the key was there.
func (b block) with(key string, e *entry) (next block, found bool) {
	out := make([]byte, 0, len(b)+len(key)+3*binary.MaxVarintLen64)
	var before []byte
	w := b.walk()
	at := b // from the key that is looked at on
	more := w.next()
	for more && string(w.key) < key {
		before = append(before[:0], w.key...)
		at = w.rest
		more = w.next()
	}
	out = append(out, b[:len(b)-len(at)]...)
	if e != nil {
		out = appendKey(out, before, key, *e)
		before = append(before[:0], key...)
	}
	if found = more && string(w.key) == key; found {
		more = w.next()
	}
	if more {
		out = append(appendKey(out, before, w.key, w.entry), w.rest...)
	}
	return block(out), found
}

// split returns two blocks of about the same size that have the keys of one; the second
// has at least one.
func (b block) split() (left, right block) {
	w := b.walk()
	w.next()
	at := w.rest
	for w.next() && len(b)-len(w.rest) < len(b)/2 {
		at = w.rest
	}
	first := appendKey(nil, "", w.key, w.entry)
	return b[:len(b)-len(at)], block(first) + w.rest
}

// join returns a block that has the keys of two that follow one another.
func (b block) join(next block) block {
	w := b.walk()
	for w.next() {
	}
	n := next.walk()
	n.next()
	return b + block(appendKey(nil, w.key, n.key, n.entry)) + n.rest
}
