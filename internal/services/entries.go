package services

import (
	"iter"
	"strings"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// Entries yields what a snapshot has of the generation: the key below Root and
// the value of each instance, of the overrides that apply to one, and of the
// policies of services that exist, and the Revision of their service. Values are in the form of package catalog, which
// need not be that in etcd. It is for one goroutine; each value is new.
func (g *Generation) Entries() iter.Seq[snapshot.Entry] {
	return func(yield func(snapshot.Entry) bool) {
		for s := range g.All() {
			if !s.entries(yield) {
				return
			}
		}
	}
}

func (s *Service) entries(yield func(snapshot.Entry) bool) (more bool) {
	if s.policy != nil {
		key := catalog.PolicyKey("", s.Namespace, s.Name)[1:]
		if !yield(snapshot.Entry{Key: key, Value: s.policy.EncodeValue(), Revision: s.Revision}) {
			return false
		}
	}
	for e := range s.instances.all() {
		own := e.record.own().instance()
		key := catalog.InstanceKey("", s.Namespace, s.Name, own.ID)[1:]
		if !yield(snapshot.Entry{Key: key, Value: own.EncodeValue(), Revision: s.Revision}) {
			return false
		}
		if ov, overridden := e.override(); overridden {
			key = catalog.StatusKey("", s.Namespace, s.Name, own.ID)[1:]
			if !yield(snapshot.Entry{Key: key, Value: catalog.Override{Status: ov.status}.EncodeValue(), Revision: s.Revision}) {
				return false
			}
		}
	}
	return true
}

// Components that make the key of a snapshot's entry from that of an instance, N/S/I:
// N/S/_vanished/I says that the instance is served only because it expired in a mass,
// N/S/_keep_last/I that it is only because it was the last of its service; the value
// until when (RFC 3339). The strings are part of version 1 of the format. Components
// that start so are reserved, so that who doesn't know one ignores it.
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
	_, mass := markedKey(e, expiredComponent)
	_, last := markedKey(e, lastSetComponent)
	return mass || last
}

// anyLease stands for the lease of a key that is put back: nobody needs its ID,
// and every instance that is served has one or needs none.
const anyLease = 1

// restoreRoom is the memory that is allocated for values at once.
const restoreRoom = 256 << 10

// Restored yields the events that put back the entries of a snapshot, for
// mirror.Restore. Entries that say until when a Guard serves an instance are no keys
// of etcd: they are appended to expired, for Guard.Restore. An error
// ends it: check the entries before.
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
			if !yield(mirror.Event{Key: e.Key, Value: e.Value, ModRevision: e.Revision, Lease: anyLease}) {
				return
			}
		}
	}
}
