// Package overrides writes an operator's overrides of the status of instances. What
// they mean is up to those who answer.
package overrides

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar/internal/optimistic"
)

// maxKeys is how many keys one transaction changes, each with a compare: etcd takes
// 128 operations by default.
const maxKeys = 100

// Editor writes overrides. It is safe for concurrent use. Its errors are ErrInvalid and
// those of optimistic.Editor; they leave it to the caller to say which service.
type Editor struct {
	// Keys changes keys.
	Keys optimistic.Editor
	// Prefix is that of the registry.
	Prefix string
}

// Set overrides the status of instances of a service. Up to 100 of them change at once.
func (e *Editor) Set(ctx context.Context, service catalog.ServiceName, ids []string, o catalog.Override) error {
	value := o.EncodeValue()
	switch {
	case !utf8.ValidString(o.Reason):
		return &catalog.FieldError{Field: "reason", Reason: "is not UTF-8"}
	case len(value) > catalog.MaxValueSize:
		return &catalog.FieldError{Field: "reason", Reason: fmt.Sprintf("is too long: the override would be %d bytes, more than %d", len(value), catalog.MaxValueSize)}
	}
	return e.change(ctx, service, ids, func(key string, stored []byte) *pb.RequestOp {
		if bytes.Equal(stored, value) {
			return nil // also by a write whose answer was lost
		}
		return optimistic.Put(key, value)
	})
}

// Clear removes the overrides of instances, also those that can't be read.
func (e *Editor) Clear(ctx context.Context, service catalog.ServiceName, ids []string) error {
	return e.change(ctx, service, ids, func(key string, stored []byte) *pb.RequestOp {
		if stored == nil {
			return nil
		}
		return optimistic.Delete(key)
	})
}

// change carries out the operation for each override, of which nil is none.
func (e *Editor) change(ctx context.Context, service catalog.ServiceName, ids []string, op func(key string, stored []byte) *pb.RequestOp) error {
	ids = slices.Compact(slices.Sorted(slices.Values(ids))) // etcd takes a key once
	for some := range slices.Chunk(ids, maxKeys) {
		var keys []string
		for _, id := range some {
			keys = append(keys, catalog.StatusKey(e.Prefix, service.Namespace, service.Name, id))
		}
		err := e.Keys.Run(ctx, func(ctx context.Context, a *optimistic.Attempt) error {
			stored, err := a.Read(ctx, keys...)
			if err != nil {
				return err
			}
			var ops []*pb.RequestOp
			for i, key := range keys {
				if o := op(key, stored[i]); o != nil {
					ops = append(ops, o)
				}
			}
			return a.Commit(ctx, ops...)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
