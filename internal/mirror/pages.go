package mirror

import (
	"context"
	"maps"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// pageSize is the number of keys of a page where etcd can't stream. Each page
	// makes etcd count all keys that remain, so that small pages are quadratic;
	// 100,000 instances of a usual size are some 20 MiB.
	pageSize = 100_000
	// shortPage is that of pages whose last key is known before, of which etcd counts no
	// others. etcd's gRPC proxy holds its last 2,048 answers, and an audit asks for those of
	// a revision of its own: with such pages these are some 150 MiB, whatever is listed.
	shortPage = 250
	// forgetAfter is how long after its last list a range is forgotten: some rounds of audits,
	// which list every range that is followed. One that is listed after all takes long pages.
	forgetAfter = 12 * auditEvery
)

// pages lists ranges by pages. It knows every so manyth key of the last list of each range,
// and has pages end at them. It is safe for concurrent use.
type pages struct {
	mu   sync.Mutex
	ends map[string]pageEnds // by range
}

// pageEnds is every so manyth key of a list.
type pageEnds struct {
	keys   []string
	listed time.Time
}

func newPages() *pages { return &pages{ends: map[string]pageEnds{}} }

// list implements Source.List.
func (p *pages) list(ctx context.Context, client *clientv3.Client, rng string, at int64, fn func([]*mvccpb.KeyValue) error) (Head, error) {
	l := pageList{ctx: clientv3.WithRequireLeader(ctx), client: client, fn: fn, head: Head{Revision: at}}
	from := rng
	if isPrefix(rng) {
		for _, end := range p.endsOf(rng) {
			if err := l.read(from, end); err != nil {
				return Head{}, err
			}
			from = end
		}
		if err := l.read(from, clientv3.GetPrefixRangeEnd(rng)); err != nil {
			return Head{}, err
		}
		p.setEnds(rng, l.ends)
		return l.head, nil
	}
	if err := l.read(from, ""); err != nil {
		return Head{}, err
	}
	return l.head, nil
}

func (p *pages) endsOf(rng string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ends[rng].keys
}

// setEnds notes the ends of a range that was listed, and forgets ranges that nobody seems to
// list any more.
func (p *pages) setEnds(rng string, keys []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ends, rng)
	now := time.Now()
	maps.DeleteFunc(p.ends, func(_ string, e pageEnds) bool { return now.Sub(e.listed) >= forgetAfter })
	if len(keys) > 0 {
		p.ends[rng] = pageEnds{keys, now}
	}
}

// pageList is a list under way.
type pageList struct {
	ctx    context.Context
	client *clientv3.Client
	fn     func([]*mvccpb.KeyValue) error
	head   Head
	keys   int
	ends   []string // every so manyth key so far
}

// read reads the keys from one on and before another; of "", the first alone.
func (l *pageList) read(from, end string) error {
	for {
		// The first page fixes the revision; a compaction of it meanwhile is
		// an error, after which the mirror starts anew.
		resp, err := l.client.Get(l.ctx, from, clientv3.WithRange(end), clientv3.WithLimit(pageSize), clientv3.WithRev(l.head.Revision))
		if err != nil {
			return err
		}
		if l.head.Revision == 0 {
			l.head.Revision = resp.Header.Revision
		}
		l.head.Cluster = resp.Header.ClusterId
		for _, kv := range resp.Kvs {
			if l.keys++; l.keys%shortPage == 0 {
				l.ends = append(l.ends, string(kv.Key))
			}
		}
		if err := l.fn(resp.Kvs); err != nil {
			return err
		}
		if !resp.More || len(resp.Kvs) == 0 {
			return nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
	}
}
