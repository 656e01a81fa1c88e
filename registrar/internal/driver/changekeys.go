package driver

import (
	"context"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/registrar/internal/optimistic"
)

// ReadKeys implements request.Driver.
func (d *driver) ReadKeys(ctx context.Context, ranges ...string) (keys []*mvccpb.KeyValue, revision int64, err error) {
	p, err := d.ready()
	if err != nil {
		return nil, 0, err
	}
	return p.lister.ReadKeys(ctx, ranges)
}

// ChangeKeys implements request.Driver.
func (d *driver) ChangeKeys(ctx context.Context, r *pb.TxnRequest) (resp *pb.TxnResponse, err error) {
	p, err := d.ready()
	if err != nil {
		return nil, err
	}
	err = p.lister.Try(ctx, func(ctx context.Context) (answered bool, err error) {
		ctx, cancel := context.WithTimeout(ctx, optimistic.RequestTimeout)
		defer cancel()
		resp, err = p.etcd.Backend.Txn(ctx, r)
		return false, err
	})
	return resp, err
}
