package replica

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/internal/snapshot"
)

// contents is what a replica starts from: what a file or a predecessor has.
type contents struct {
	header snapshot.Header
	events [][]mirror.Event // in pages: one list of all would be copied while it grows
	// marks are for the guard.
	marks []snapshot.Entry
}

// file is an open snapshot.
type file interface {
	io.Closer
	Header() snapshot.Header
	Entries() iter.Seq2[snapshot.Entry, error]
}

// disk is what touches the disk, and can take as long as that likes. Tests have
// their own.
type disk struct {
	open  func(path string) (file, error)
	write func(ctx context.Context, w *snapshot.Writer)
}

var realDisk = disk{
	open:  func(path string) (file, error) { return snapshot.Open(path) },
	write: func(ctx context.Context, w *snapshot.Writer) { w.Run(ctx) },
}

// read reads a whole file, since one can be made to mislead: nothing of it is used
// before its end was seen.
func read(d disk, path, root string) (*contents, error) {
	f, err := d.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &contents{header: f.Header()}
	if c.header.Root != root {
		return nil, fmt.Errorf("snapshot %q belongs to another registry: its keys start with %q, not %q", path, c.header.Root, root)
	}
	c.collect(func(yield func(snapshot.Entry, error) bool) {
		for e, failed := range f.Entries() {
			if err = failed; err != nil || !yield(e, nil) {
				return
			}
		}
	})
	return c, err
}

// pageSize is how many events a page of contents has: enough to make what a page costs
// small.
const pageSize = 4096

// collect adds what entries put back.
func (c *contents) collect(entries iter.Seq2[snapshot.Entry, error]) {
	page := make([]mirror.Event, 0, pageSize)
	for ev := range services.Restored(entries, &c.marks) {
		if page = append(page, ev); len(page) == pageSize {
			c.events = append(c.events, page)
			page = make([]mirror.Event, 0, pageSize)
		}
	}
	c.events = append(c.events, page)
}

// take yields the events, each once: the memory of those that were taken is free, so
// that a large registry isn't there twice.
func (c *contents) take() iter.Seq[mirror.Event] {
	return func(yield func(mirror.Event) bool) {
		for i, page := range c.events {
			c.events[i] = nil
			for _, ev := range page {
				if !yield(ev) {
					return
				}
			}
		}
	}
}

// checkRanges says why contents are not those of just these ranges, or are not to be
// answered from.
func (c *contents) checkRanges(ranges []string, maxAge time.Duration) error {
	ours := make([]string, len(ranges))
	for i, rng := range ranges {
		ours[i] = c.header.Root + rng
	}
	slices.Sort(ours)
	var theirs []string
	for _, r := range c.header.Ranges {
		theirs = append(theirs, r.Prefix)
	}
	if !slices.Equal(theirs, ours) {
		return fmt.Errorf("holds other namespaces: %q, not %q", theirs, ours)
	}
	for _, r := range c.header.Ranges {
		if err := checkAge(r, maxAge); err != nil {
			return err
		}
	}
	return nil
}

// checkAge says why the contents of a range are not to be answered from.
func checkAge(r snapshot.Range, maxAge time.Duration) error {
	switch age := time.Since(r.Contact); {
	case age > maxAge:
		return fmt.Errorf("is too old: its last contact with etcd was %s ago, more than %s", age.Round(time.Second), maxAge)
	case age < -snapshot.MaxAhead:
		return fmt.Errorf("is ahead of this machine's clock: its last contact with etcd was at %s", r.Contact.Format(time.RFC3339))
	}
	return nil
}

// dropOld leaves out ranges that are not to be answered from, and what contains
// one: it doesn't know of that part. Keys in none of the ranges go, too: nothing
// would ever remove them. A file that was written while a range was being dropped
// has some.
func (c *contents) dropOld(maxAge time.Duration) {
	var old []string
	for _, r := range c.header.Ranges {
		if checkAge(r, maxAge) != nil {
			old = append(old, r.Prefix)
		}
	}
	c.header.Ranges = slices.DeleteFunc(slices.Clone(c.header.Ranges), func(r snapshot.Range) bool {
		return slices.ContainsFunc(old, func(prefix string) bool { return strings.HasPrefix(prefix, r.Prefix) })
	})
	left := map[string]bool{}
	for _, r := range c.header.Ranges {
		left[strings.TrimPrefix(r.Prefix, c.header.Root)] = true
	}
	for i, page := range c.events {
		c.events[i] = slices.DeleteFunc(page, func(e mirror.Event) bool { return !covered(left, e.Key) })
	}
}

// covered reports whether a key is in one of the ranges.
func covered(ranges map[string]bool, key string) bool {
	for end := range len(key) {
		if (end == 0 || key[end-1] == '/') && ranges[key[:end]] {
			return true
		}
	}
	return ranges[key]
}

// restored returns the ranges as the mirror takes them.
func (c *contents) restored() []mirror.RestoredRange {
	now := time.Now()
	var out []mirror.RestoredRange
	for _, r := range c.header.Ranges {
		// In terms of now: not ahead of it, and its age unmoved when the clock is set.
		contact := now.Add(-max(0, now.Sub(r.Contact)))
		out = append(out, mirror.RestoredRange{Range: strings.TrimPrefix(r.Prefix, c.header.Root), Revision: r.Revision, Contact: contact})
	}
	return out
}

// head returns where etcd was.
func (c *contents) head() mirror.Head {
	head := mirror.Head{Cluster: c.header.Cluster}
	for _, r := range c.header.Ranges {
		head.Revision = max(head.Revision, r.Revision)
	}
	return head
}

// oldest returns how long ago the last contact of any range was.
func (c *contents) oldest() (age time.Duration) {
	for _, r := range c.header.Ranges {
		age = max(age, snapshot.Age(r.Contact, time.Now()))
	}
	return age.Round(time.Second)
}
