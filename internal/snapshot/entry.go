package snapshot

import (
	"fmt"
	"iter"
)

// Entry is a key with its value.
type Entry struct {
	// Key is the key below Root.
	Key string
	// Value is what there is to restore of the key, in a form that the writer chooses.
	Value []byte
	// Revision is the revision of the last change of the key.
	Revision int64
}

// check returns why an entry can't be written.
func (e *Entry) check() error {
	switch {
	case len(e.Key) > maxEntry || len(e.Value) > maxEntry-len(e.Key):
		return fmt.Errorf("key %.256q and its value have %d and %d bytes, more than %d together: delete it from etcd", e.Key, len(e.Key), len(e.Value), maxEntry)
	case e.Revision < 0:
		return fmt.Errorf("revision %d of key %.256q is negative", e.Revision, e.Key)
	}
	return nil
}

// contents is how much a file holds.
type contents struct {
	entries int64 // their number
	bytes   int64 // the length of their keys and values
}

func (c *contents) add(e *Entry) {
	c.entries++
	c.bytes += int64(len(e.Key) + len(e.Value))
}

// measure returns how much a sequence holds.
func measure(entries iter.Seq[Entry]) *contents {
	c := &contents{}
	for e := range entries {
		c.add(&e)
	}
	return c
}

// maxSize returns how long a file can be that has a header of a length and holds
// so much: as long as without compression, which adds 3 bytes to a block of up to
// 128 KiB that doesn't shrink; the writers of other programs may make smaller
// ones. c is nil where nothing is known.
func maxSize(header int64, c *contents) int64 {
	if c == nil {
		return maxUnmeasured
	}
	plain := header + c.bytes + c.entries*entryOverhead
	return plain + plain/64 + 64<<10
}
