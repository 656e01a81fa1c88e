package reader

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// errSeen ends a list that has shown what was asked.
var errSeen = errors.New("seen")

// Empty reports whether the registry has no key. Errors are those of List, and leave it
// to the caller to say what was read.
func (l *Lister) Empty(ctx context.Context) (empty bool, err error) {
	err = l.Try(ctx, func(ctx context.Context) (answered bool, err error) {
		_, err = l.Source.List(ctx, l.Prefix+"/", 0, func(kvs []*mvccpb.KeyValue) error {
			if len(kvs) > 0 {
				return errSeen // the first page says it
			}
			return nil
		})
		empty = err == nil
		if errors.Is(err, errSeen) {
			err = nil
		}
		return false, err
	})
	return empty && err == nil, err
}
