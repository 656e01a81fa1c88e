package mirror

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"

	"github.com/tidwall/btree"
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

// index has the keys that were committed to a view, by indexKey, in order. A copy costs nothing
// until one of the two changes, and can be read by another goroutine meanwhile.
type index = btree.Map[string, entry]

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func entryOf(kv *mvccpb.KeyValue) entry {
	var lease [8]byte
	binary.LittleEndian.PutUint64(lease[:], uint64(kv.Lease))
	return entry{kv.ModRevision, crc32.Update(crc32.Checksum(kv.Value, castagnoli), castagnoli, lease[:])}
}

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

// comparison walks through a range of an index in step with the keys that etcd
// has of it, which ascend.
type comparison struct {
	index  *index
	rng    string
	at     btree.MapIter[string, entry]
	more   bool                // at is at a key of the range
	gone   []string            // keys that etcd has not
	hashed map[string]struct{} // those that etcd has
}

func newComparison(in *index, rng string) *comparison {
	c := &comparison{index: in, rng: rng, at: in.Iter(), hashed: map[string]struct{}{}}
	c.more = c.at.Seek(rng) && covers(rng, c.at.Key())
	return c
}

func (c *comparison) next() { c.more = c.at.Next() && covers(c.rng, c.at.Key()) }

// find returns what the index has of the next key of etcd, by indexKey.
func (c *comparison) find(short string) (entry, bool) {
	if isHashed(short) {
		c.hashed[short] = struct{}{}
		return c.index.Get(short)
	}
	for ; c.more && c.at.Key() < short; c.next() {
		c.gone = append(c.gone, c.at.Key())
	}
	if !c.more || c.at.Key() != short {
		return entry{}, false
	}
	had := c.at.Value()
	c.next()
	return had, true
}

// ghosts returns the keys of the index that etcd has not, once all that it has
// have been looked for.
func (c *comparison) ghosts() []string {
	for ; c.more; c.next() {
		c.gone = append(c.gone, c.at.Key())
	}
	if len(c.hashed) == 0 {
		return c.gone
	}
	absent := c.gone[:0]
	for _, short := range c.gone {
		if _, found := c.hashed[short]; !found {
			absent = append(absent, short)
		}
	}
	return absent
}

// count returns how many keys of a range an index has.
func count(in *index, rng string) (n int) {
	in.Ascend(rng, func(key string, _ entry) bool {
		if !covers(rng, key) {
			return false
		}
		n++
		return true
	})
	return n
}
