package driver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/request"
)

// TestKeys reads and changes keys as they are, also once etcd is back.
func TestKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, ok := w.client.Registry.(request.Driver)
		if !ok {
			t.Fatal("the driver has no keys")
		}
		put := &pb.TxnRequest{Success: []*pb.RequestOp{{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: []byte("/roster/default/a/x"), Value: []byte(value)}}}}}
		w.SetState(faulty.Down)
		time.AfterFunc(3*time.Second, func() { w.SetState(faulty.Up) })
		if resp, err := d.ChangeKeys(t.Context(), put); err != nil || !resp.Succeeded {
			t.Errorf("ChangeKeys: %v, %v", resp, err)
		}
		keys, revision, err := d.ReadKeys(t.Context(), "/roster/default/a/")
		if err != nil || len(keys) != 1 || string(keys[0].Value) != value || revision != w.Revision() {
			t.Errorf("ReadKeys: %v at %d, %v", keys, revision, err)
		}
		w.Set(func(f *faulty.Faults) { f.Denied = func(string) bool { return true } })
		_, err = d.ChangeKeys(t.Context(), put)
		wantErr(t, "ChangeKeys", err, registrar.ErrPermission)
		w.SetState(faulty.Hung)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = d.ChangeKeys(ctx, put)
		wantErr(t, "ChangeKeys", err, registrar.ErrUnavailable, context.DeadlineExceeded)
		if err := w.client.Close(); err != nil {
			t.Error(err)
		}
		_, err = d.ChangeKeys(t.Context(), put)
		wantErr(t, "ChangeKeys", err, registrar.ErrClosed)
	})
	d := New("test", func(*registrar.Options) (Etcd, error) { return Etcd{}, nil }).(request.Driver)
	_, err := d.ChangeKeys(t.Context(), nil)
	wantErr(t, "ChangeKeys before Init", err, registrar.ErrInvalid)
	_, _, err = d.ReadKeys(t.Context(), "/")
	wantErr(t, "ReadKeys before Init", err, registrar.ErrInvalid)
}
