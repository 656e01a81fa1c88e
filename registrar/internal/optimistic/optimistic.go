// Package optimistic changes keys of etcd only if what was read is still so, and
// tries again otherwise: what others write at the same time is not lost.
package optimistic

import (
	"context"
	"errors"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/rosterdns/roster/internal/backoff"
)

const (
	// RequestTimeout leaves time for another member of etcd, where one hangs.
	RequestTimeout = 2 * time.Second
	// overtakenBase and overtakenLimit bound the pause after another writer was
	// faster: of those that write at once, one gets through each time.
	overtakenBase  = 5 * time.Millisecond
	overtakenLimit = 200 * time.Millisecond
)

// errOvertaken says that something which an attempt has read is not so any more.
var errOvertaken = errors.New("changed by another writer")

// refusal is an error that is none of etcd's: it ends the attempts.
type refusal struct{ error }

// Refuse makes an error end the attempts of Run, which returns it: it is none of etcd's.
func Refuse(err error) error { return refusal{err} }

func (r refusal) Unwrap() error { return r.error }

// Editor makes attempts. It is safe for concurrent use.
type Editor struct {
	// Txn carries out a transaction of etcd. Errors are those of clientv3.
	Txn func(context.Context, *pb.TxnRequest) (*pb.TxnResponse, error)
	// Try asks etcd, and again while it is away; see reader.Lister.
	Try func(ctx context.Context, ask func(context.Context) (answered bool, err error)) error
}

// Run makes attempts until one is not overtaken by another writer. An attempt whose
// answer was lost is made again, and then sees what it has written. Errors are those of
// Try, and those of Refuse.
func (e Editor) Run(ctx context.Context, do func(context.Context, *Attempt) error) error {
	var refused error
	err := e.Try(ctx, func(ctx context.Context) (answered bool, err error) {
		answered, err = e.attempts(ctx, do)
		if r, ok := errors.AsType[refusal](err); ok {
			refused, err = r.error, nil
		}
		return answered, err
	})
	if err != nil {
		return err
	}
	return refused
}

// attempts makes attempts until one is not overtaken, and reports whether etcd has
// answered something.
func (e Editor) attempts(ctx context.Context, do func(context.Context, *Attempt) error) (answered bool, err error) {
	pause := backoff.New(overtakenBase, overtakenLimit)
	for {
		a := &Attempt{transact: e.Txn}
		if err = do(ctx, a); !errors.Is(err, errOvertaken) {
			return a.answered, err
		}
		if err := pause.Wait(ctx); err != nil {
			return true, err
		}
	}
}

// Attempt is one try: what it has read must be so still when it writes. It is used by
// one goroutine.
type Attempt struct {
	transact func(context.Context, *pb.TxnRequest) (*pb.TxnResponse, error) // Editor.Txn
	compares []*pb.Compare
	answered bool
}

// txn asks etcd.
func (a *Attempt) txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	resp, err := a.transact(ctx, r)
	a.answered = a.answered || err == nil
	return resp, err
}

// Read returns the value of each key as of one revision, nil for one that is absent.
func (a *Attempt) Read(ctx context.Context, keys ...string) (values [][]byte, err error) {
	r := &pb.TxnRequest{}
	for _, key := range keys {
		r.Success = append(r.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: []byte(key)}}})
	}
	resp, err := a.txn(ctx, r)
	if err != nil {
		return nil, err
	}
	for i, key := range keys {
		unchanged := &pb.Compare_ModRevision{} // 0: absent
		var value []byte
		if kvs := resp.Responses[i].GetResponseRange().Kvs; len(kvs) > 0 {
			unchanged.ModRevision = kvs[0].ModRevision
			value = append([]byte{}, kvs[0].Value...)
		}
		a.compares = append(a.compares, &pb.Compare{Key: []byte(key), Target: pb.Compare_MOD, TargetUnion: unchanged})
		values = append(values, value)
	}
	return values, nil
}

// Commit carries out operations if all is as it was read. Without any it does nothing.
func (a *Attempt) Commit(ctx context.Context, ops ...*pb.RequestOp) error {
	if len(ops) == 0 {
		return nil
	}
	resp, err := a.txn(ctx, &pb.TxnRequest{Compare: a.compares, Success: ops})
	if err == nil && !resp.Succeeded {
		return errOvertaken
	}
	return err
}

// Put returns an operation that writes a key.
func Put(key string, value []byte) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: []byte(key), Value: value}}}
}

// Delete returns an operation that deletes a key.
func Delete(key string) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{Key: []byte(key)}}}
}
