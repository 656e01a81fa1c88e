package importing

import (
	"bytes"
	"context"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

const (
	// maxOperations of a transaction, and as many compares: etcd takes 128 by default.
	maxOperations = 100
	// maxBytes of a transaction's values: etcd takes 1.5 MiB by default.
	maxBytes = 1 << 20
)

// write is one operation on a key: a put, or without a value a deletion.
type write struct {
	change   *Change
	key      string
	value    []byte
	revision int64 // that the key must have
	requires []fence
	deletion *write // that this one prepares

	done  bool
	after int64 // the revision that the key has then
	lost  bool  // it must not be tried: what prepares it wasn't done
}

// writer carries out writes.
type writer struct {
	store     Store
	overtaken []string // the names of what others have changed
}

// all carries out writes, in transactions as large as etcd takes.
func (w *writer) all(ctx context.Context, writes []*write) error {
	for len(writes) > 0 {
		batch, compares, size := []*write(nil), 0, 0
		for len(writes) > 0 {
			o := writes[0]
			compares += 1 + len(o.requires)
			size += len(o.value) + len(o.key)
			if len(batch) > 0 && (compares > maxOperations || size > maxBytes) {
				break
			}
			writes = writes[1:]
			if !o.lost {
				batch = append(batch, o)
			}
		}
		if err := w.batch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// batch carries out writes in one transaction, without those that are overtaken.
func (w *writer) batch(ctx context.Context, batch []*write) error {
	for len(batch) > 0 {
		resp, err := w.store.ChangeKeys(ctx, transaction(batch))
		if err != nil {
			return fmt.Errorf("writing %s: %w", describe(batch), err)
		}
		if resp.Succeeded {
			for _, o := range batch {
				o.done, o.after = true, resp.Header.Revision
			}
			return nil
		}
		batch = w.remaining(batch, resp)
	}
	return nil
}

// describe names what is written, for errors.
func describe(batch []*write) string {
	name := batch[0].change.Name()
	if more := len(batch) - 1; more > 0 {
		return fmt.Sprintf("%s and %d more", name, more)
	}
	return name
}

// transaction has the writes if all is as it was read, else it reads what is compared.
func transaction(batch []*write) *pb.TxnRequest {
	r := &pb.TxnRequest{}
	require := func(key string, revision int64) {
		r.Compare = append(r.Compare, &pb.Compare{Key: []byte(key), Target: pb.Compare_MOD, TargetUnion: &pb.Compare_ModRevision{ModRevision: revision}})
		r.Failure = append(r.Failure, &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: []byte(key)}}})
	}
	for _, o := range batch {
		require(o.key, o.revision)
		for _, f := range o.requires {
			require(f.key, f.revision)
		}
		op := &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{Key: []byte(o.key)}}}
		if o.value != nil {
			op = &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: []byte(o.key), Value: o.value}}}
		}
		r.Success = append(r.Success, op)
	}
	return r
}

// remaining returns the writes that can still be made after a transaction that has made
// none. A key that is as a write makes it counts as written: etcd can have done that
// though its answer was lost.
func (w *writer) remaining(batch []*write, resp *pb.TxnResponse) (rest []*write) {
	responses := resp.Responses
	for _, o := range batch {
		kvs := responses[0].GetResponseRange().Kvs
		fences := responses[1 : 1+len(o.requires)]
		responses = responses[1+len(o.requires):]
		var revision, lease int64
		var value []byte
		if len(kvs) > 0 {
			revision, lease, value = kvs[0].ModRevision, kvs[0].Lease, append([]byte{}, kvs[0].Value...)
		}
		switch {
		case revision == o.revision && holds(o.requires, fences):
			rest = append(rest, o)
		case revision != o.revision && lease == 0 && bytes.Equal(value, o.value) && (value == nil) == (o.value == nil):
			o.done, o.after = true, revision
		default:
			w.overtaken = append(w.overtaken, o.change.Kind()+" "+o.change.Name())
		}
	}
	return rest
}

// holds reports whether keys are as fences have them.
func holds(fences []fence, read []*pb.ResponseOp) bool {
	for i, f := range fences {
		var revision int64
		if kvs := read[i].GetResponseRange().Kvs; len(kvs) > 0 {
			revision = kvs[0].ModRevision
		}
		if revision != f.revision {
			return false
		}
	}
	return true
}
