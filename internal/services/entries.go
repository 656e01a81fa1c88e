package services

import (
	"iter"
	"strings"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// Entries yields the entries that a snapshot has of the generation: one for each instance,
// for each override that applies to an instance, and for the policy of each service that
// exists. Keys are below Root; revisions are those of the services. The value of an
// instance is its record, which Restored reads. The sequence is for one goroutine, and a
// value is valid until the next one.
func (g *Generation) Entries() iter.Seq[snapshot.Entry] {
	return func(yield func(snapshot.Entry) bool) {
		var value []byte
		for s := range g.All() {
			for e := range s.entries(&value) {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// entries yields those of a service. It uses the memory of value again.
func (s *Service) entries(value *[]byte) iter.Seq[snapshot.Entry] {
	return func(yield func(snapshot.Entry) bool) {
		prefix := catalog.ServicePrefix("", s.Namespace, s.Name)[1:]
		if s.policy != nil {
			key := catalog.PolicyKey("", s.Namespace, s.Name)[1:]
			if !yield(snapshot.Entry{Key: key, Value: s.policy.EncodeValue(), Revision: s.Revision}) {
				return
			}
		}
		for e := range s.instances.all() {
			*value = e.appendStored((*value)[:0])
			if !yield(snapshot.Entry{Key: prefix + e.id(), Value: *value, Revision: s.Revision}) {
				return
			}
			if ov, overridden := e.override(); overridden {
				key := catalog.StatusKey("", s.Namespace, s.Name, e.id())[1:]
				if !yield(snapshot.Entry{Key: key, Value: catalog.Override{Status: ov.status}.EncodeValue(), Revision: s.Revision}) {
					return
				}
			}
		}
	}
}

// Components that make the key of a snapshot's entry from that of an instance, N/S/I.
// N/S/_vanished/I says that the instance is served only because it expired in a mass
// expiry, and N/S/_keep_last/I that it is served only because it was the last one of its
// service. The value is until when (RFC 3339). The strings are part of the format.
// Components that start with "_" are reserved: a program ignores those it doesn't know.
const (
	expiredComponent = "/_vanished"
	lastSetComponent = "/_keep_last"
)

// markEntry returns the entry for an instance with a component, until a time.
func markEntry(key, component string, until time.Time) snapshot.Entry {
	i := strings.LastIndexByte(key, '/')
	return snapshot.Entry{Key: key[:i] + component + key[i:], Value: until.UTC().AppendFormat(nil, time.RFC3339Nano)}
}

// markedKey returns the key of the instance that an entry with a component is for;
// it reports false of any other entry.
func markedKey(e *snapshot.Entry, component string) (key string, ok bool) {
	service, id, ok := strings.Cut(e.Key, component+"/")
	if !ok {
		return "", false
	}
	return service + "/" + id, true
}

// isMark reports whether an entry is for a Guard.
func isMark(e *snapshot.Entry) bool {
	if !strings.Contains(e.Key, "/_") {
		return false
	}
	_, mass := markedKey(e, expiredComponent)
	_, last := markedKey(e, lastSetComponent)
	return mass || last
}

// restoreRoom is the memory that is allocated for values at once.
const restoreRoom = 256 << 10

// Restored yields the events that restore the entries of a snapshot, for mirror.Restore.
// The entries are those of Generation.Entries, or of an earlier version of the program,
// whose values are as in etcd. Entries that say until when a Guard serves an instance are
// no keys of etcd: Restored appends them to expired, for Guard.Restore. The events end at
// the first error of the entries, which only the caller can tell from their end.
func Restored(entries iter.Seq2[snapshot.Entry, error], expired *[]snapshot.Entry) iter.Seq[mirror.Event] {
	return func(yield func(mirror.Event) bool) {
		var room []byte // of many values, since each alone would cost as much as reading it
		for e, err := range entries {
			if err != nil {
				return
			}
			if cap(room)-len(room) < len(e.Value) {
				room = make([]byte, 0, max(restoreRoom, len(e.Value)))
			}
			at := len(room)
			room = append(room, e.Value...)
			e.Value = room[at:len(room):len(room)]
			if isMark(&e) {
				*expired = append(*expired, e)
				continue
			}
			if !yield(mirror.Event{Key: e.Key, Value: e.Value, ModRevision: e.Revision, Restored: true}) {
				return
			}
		}
	}
}
