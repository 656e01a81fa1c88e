package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Header says what a snapshot is of. It is a plain value but for Ranges.
type Header struct {
	// Cluster is etcd's cluster ID; 0 if it is unknown.
	Cluster uint64 `json:"cluster"`
	// Root is what all keys start with in etcd: the registry's prefix and '/'.
	Root string `json:"root"`
	// Serial is the SOA serial before it is cut to 32 bits.
	Serial int64 `json:"serial"`
	// Offset is what the serial follows etcd's revision at: Revision + Offset is
	// Serial, or less where Serial had to rise though the revision stood still. It
	// can be negative.
	Offset int64 `json:"offset"`
	// Revision is the revision that Serial belongs to.
	Revision int64 `json:"revision"`
	// Presentation identifies the settings by which the writer shows the contents
	// under Serial; empty if there are none, or in files of older writers.
	Presentation string `json:"presentation,omitempty"`
	// Ranges are the parts below Root that were mirrored, in strictly ascending
	// order of Prefix.
	Ranges []Range `json:"ranges"`
}

// Range is a prefix of keys that was mirrored.
type Range struct {
	// Prefix is what the keys start with; it starts with Root.
	Prefix string `json:"prefix"`
	// Revision is the revision that the entries are complete up to.
	Revision int64 `json:"revision"`
	// Contact is the time of last contact with etcd. The file keeps it in UTC.
	Contact time.Time `json:"contact"`
}

// stored is the header as the file has it.
type stored struct {
	Header
	// Entries and Bytes are those of contents; nil in files of writers that didn't
	// know them.
	Entries *int64 `json:"entries,omitempty"`
	Bytes   *int64 `json:"bytes,omitempty"`
}

// check returns why a header makes no sense.
func (h *Header) check() error {
	switch {
	case !utf8.ValidString(h.Root): // JSON would change it
		return fmt.Errorf("root %q is not UTF-8", h.Root)
	case !utf8.ValidString(h.Presentation):
		return fmt.Errorf("presentation %q is not UTF-8", h.Presentation)
	case h.Serial < 0, h.Revision < 0:
		return fmt.Errorf("serial %d or revision %d is negative", h.Serial, h.Revision)
	}
	for i, r := range h.Ranges {
		switch {
		case !utf8.ValidString(r.Prefix):
			return fmt.Errorf("prefix %q is not UTF-8", r.Prefix)
		case !strings.HasPrefix(r.Prefix, h.Root):
			return fmt.Errorf("prefix %.256q is not below root %.256q", r.Prefix, h.Root)
		case i > 0 && r.Prefix <= h.Ranges[i-1].Prefix:
			return fmt.Errorf("prefix %.256q follows %.256q", r.Prefix, h.Ranges[i-1].Prefix)
		case r.Revision < 0:
			return fmt.Errorf("revision %d of prefix %.256q is negative", r.Revision, r.Prefix)
		}
		if y := r.Contact.UTC().Year(); y < 0 || y > 9999 { // the years of RFC 3339
			return fmt.Errorf("contact of prefix %.256q is in the year %d", r.Prefix, y)
		}
	}
	return nil
}

// marshal returns the header as the file has it.
func (h *Header) marshal(c *contents) ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	s := stored{*h, &c.entries, &c.bytes}
	s.Ranges = make([]Range, len(h.Ranges))
	for i, r := range h.Ranges {
		r.Contact = r.Contact.UTC() // JSON knows only offsets of whole minutes
		s.Ranges[i] = r
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	if len(b) > maxHeader {
		return nil, fmt.Errorf("%d ranges make a header of %d bytes, more than %d", len(h.Ranges), len(b), maxHeader)
	}
	return b, nil
}

// unmarshal reads what marshal has written, or what an earlier version has left
// out and a later one has added to. The contents are nil where the header doesn't
// tell.
func (h *Header) unmarshal(b []byte) (*contents, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	var s stored
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	*h = s.Header
	for i := range h.Ranges {
		h.Ranges[i].Contact = h.Ranges[i].Contact.UTC()
	}
	if s.Entries == nil || s.Bytes == nil {
		return nil, h.check()
	}
	c := &contents{entries: *s.Entries, bytes: *s.Bytes}
	if min(c.entries, c.bytes) < 0 || max(c.entries, c.bytes) > maxContents {
		return nil, fmt.Errorf("it can't hold %d entries of %d bytes", c.entries, c.bytes)
	}
	return c, h.check()
}
