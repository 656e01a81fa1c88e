package mirror

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

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

// index is what the View was told, by indexKey.
type index map[string]entry

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func entryOf(kv *mvccpb.KeyValue) entry {
	var lease [8]byte
	binary.LittleEndian.PutUint64(lease[:], uint64(kv.Lease))
	return entry{kv.ModRevision, crc32.Update(crc32.Checksum(kv.Value, castagnoli), castagnoli, lease[:])}
}

// maxIndexed is the length of the longest key that the index holds itself. No
// key that means anything is longer, while etcd takes keys of more than a
// mebibyte: of these a hash is enough.
const maxIndexed = 256

// indexKey returns what stands for a key in the index.
func indexKey(key string) string {
	if len(key) <= maxIndexed {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "\x00" + string(sum[:]) // no key of Root starts so and is as long
}

// relative returns the key below Root in memory of its own: there are as many
// of them as keys.
func (m *Mirror) relative(key []byte) (string, bool) {
	rel, ok := bytes.CutPrefix(key, []byte(m.cfg.Root))
	return string(rel), ok
}

var (
	errRegressed = errors.New("etcd's revision moved backward, or it is another cluster")
	errPage      = errors.New("no page arrived in time")
)

// list makes the View equal to etcd at one revision, which can be lower than
// before.
func (m *Mirror) list(ctx context.Context, reason Reason) (Head, error) {
	start, seen, keys := time.Now(), m.Status(), len(m.index)
	present := make(map[string]struct{}, keys)
	head, err := m.read(ctx, 0, func(kvs []*mvccpb.KeyValue) error {
		m.page(kvs, present)
		return nil
	})
	if err != nil {
		return Head{}, err
	}
	var gone []Event
	for key := range m.index {
		if _, ok := present[key]; !ok {
			gone = append(gone, Event{Key: key, ModRevision: head.Revision, Deleted: true})
			delete(m.index, key)
		}
	}
	regressed := head.Revision < seen.Revision
	m.cfg.View.Apply(Batch{Events: gone, Revision: head.Revision, Regressed: regressed})
	if regressed || otherCluster(seen.Cluster, head.Cluster) {
		reason = ReasonRegressed
		m.cfg.Log.Warn("etcd is not as it was, as after a restore from a backup: took over all that it has",
			"prefix", m.cfg.Prefix, "revision", head.Revision, "keys", len(m.index), "revision before", seen.Revision, "keys before", keys)
	}
	m.cfg.Observer.Listed(reason, len(m.index), time.Since(start))
	return head, nil
}

// otherCluster reports whether two known IDs are of two clusters.
func otherCluster(a, b uint64) bool { return a != 0 && b != 0 && a != b }

// read is Source.List, given up when no page arrives for pageTimeout: a server
// that hangs half-way would otherwise hang the mirror.
func (m *Mirror) read(ctx context.Context, at int64, fn func([]*mvccpb.KeyValue) error) (Head, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stuck := time.AfterFunc(pageTimeout, func() { cancel(errPage) })
	defer stuck.Stop()
	head, err := m.cfg.Source.List(ctx, m.cfg.Prefix, at, func(kvs []*mvccpb.KeyValue) error {
		err := fn(kvs)
		stuck.Reset(pageTimeout)
		return err
	})
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return Head{}, err
	}
	return head, nil
}

// page tells the View of those keys of a page that it doesn't know yet.
func (m *Mirror) page(kvs []*mvccpb.KeyValue, present map[string]struct{}) {
	events := make([]Event, 0, len(kvs))
	for _, kv := range kvs {
		key, ok := m.relative(kv.Key)
		if !ok {
			continue
		}
		short := indexKey(key)
		present[short] = struct{}{}
		now := entryOf(kv)
		if known, ok := m.index[short]; ok && known == now {
			continue
		}
		m.index[short] = now
		events = append(events, Event{Key: key, Value: kv.Value, ModRevision: kv.ModRevision, Lease: kv.Lease})
	}
	if len(events) > 0 {
		m.cfg.View.Apply(Batch{Events: events})
	}
}
