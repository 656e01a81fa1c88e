package mirror

import (
	"bytes"
	"context"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// pageTimeout is how long a list can wait for its next page. Pages of 100,000
// keys were seen to take 3 s of a busy server.
const pageTimeout = 15 * time.Second

// list is a list of a range under way. It compares with the contents as they
// were when it started, and puts the difference on a stage.
type list struct {
	r       *Range
	stage   Stage
	started time.Time
	cancel  context.CancelFunc
	dropped bool     // its range is followed no more, or is to be listed again
	known   int64    // a revision that etcd had when it started
	session *session // the stream then

	// Of its own goroutine, until it has ended:
	compare *comparison
	found   *appender // all keys that etcd has
	keys    int
	head    Head
	err     error
}

// read reads a range of etcd, at a revision or now, and gives up when no page
// arrives for pageTimeout: a server that hangs half-way would otherwise hang the
// mirror.
func read(ctx context.Context, cfg *Config, rng string, at int64, fn func([]*mvccpb.KeyValue)) (Head, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stuck := time.AfterFunc(pageTimeout, func() { cancel(errPage) })
	defer stuck.Stop()
	head, err := cfg.Source.List(ctx, cfg.Root+rng, at, func(kvs []*mvccpb.KeyValue) error {
		fn(kvs)
		stuck.Reset(pageTimeout)
		return nil
	})
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return Head{}, err
	}
	return head, nil
}

// below returns a key below Root in memory of its own: there are as many of them
// as keys.
func below(root string, key []byte) (string, bool) {
	rel, ok := bytes.CutPrefix(key, []byte(root))
	return string(rel), ok
}

// run reads the range. The result is in head and err.
func (l *list) run(ctx context.Context, cfg *Config) {
	l.head, l.err = read(ctx, cfg, l.r.name, 0, func(kvs []*mvccpb.KeyValue) {
		l.page(kvs, cfg.Root)
	})
	if l.err != nil {
		return
	}
	ghosts := l.compare.ghosts()
	events := make([]Event, 0, len(ghosts))
	for _, short := range ghosts {
		events = append(events, Event{Key: short, ModRevision: l.head.Revision, Deleted: true})
	}
	l.apply(events)
}

// page puts those keys of a page on the stage that are not known yet.
func (l *list) page(kvs []*mvccpb.KeyValue, root string) {
	events := make([]Event, 0, len(kvs))
	for _, kv := range kvs {
		key, ok := below(root, kv.Key)
		if !ok {
			continue
		}
		l.keys++
		short, now := indexKey(key), entryOf(kv)
		l.found.add(short, now)
		if had, ok := l.compare.find(short); ok && had == now {
			continue
		}
		events = append(events, Event{Key: key, Value: kv.Value, ModRevision: kv.ModRevision, Lease: kv.Lease})
	}
	l.apply(events)
}

func (l *list) apply(events []Event) {
	if len(events) > 0 {
		l.stage.Apply(events)
	}
}

// merge brings the index up to what the list has found. What a watch of another
// range has shown since the list began wins if it is newer: the stage gets it once
// more, after what the list said. If it is older, and the list has no such key,
// the key was deleted in between.
func (l *list) merge(in *index) {
	at, found := l.head.Revision, l.found.done()
	newer := map[string]entry{} // what the index has of them
	var events []Event
	for short, ev := range l.r.later {
		_, listed := found.Get(short)
		switch {
		case ev.ModRevision > at:
			newer[short], _ = in.Get(short)
			events = append(events, ev)
		case !ev.Deleted && !listed:
			events = append(events, Event{Key: ev.Key, ModRevision: at, Deleted: true})
		}
	}
	in.replace(l.r.name, found)
	for short, e := range newer {
		if l.r.later[short].Deleted {
			in.Delete(short)
		} else {
			in.Set(short, e)
		}
	}
	l.apply(events)
}
