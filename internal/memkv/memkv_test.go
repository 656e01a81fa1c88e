package memkv_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/internal/memkv"
	"github.com/rosterdns/roster/internal/mirror"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// texts returns keys as "KEY=VALUE@MODREVISION".
func texts(kvs []*mvccpb.KeyValue) (out []string) {
	for _, kv := range kvs {
		out = append(out, fmt.Sprintf("%s=%s@%d", kv.Key, kv.Value, kv.ModRevision))
	}
	return out
}

func list(t *testing.T, s *memkv.Store, rng string, at int64) (out []string, head mirror.Head, err error) {
	t.Helper()
	head, err = s.List(t.Context(), rng, at, func(kvs []*mvccpb.KeyValue) error {
		out = append(out, texts(kvs)...)
		return nil
	})
	return out, head, err
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestListAtARevision(t *testing.T) {
	t.Parallel()
	s := memkv.New()
	s.Put("/a/x", "1", 0) // 2
	s.Put("/a/y", "1", 0)
	s.Put("/b", "1", 0)
	s.Put("/a/x", "2", 0) // 5
	s.Delete("/a/y", "/absent")
	now, head, err := list(t, s, "/a/", 0)
	want(t, "now", now, []string{"/a/x=2@5"})
	want(t, "head", head.Revision, 6)
	want(t, "error", err, nil)
	for at, contents := range map[int64][]string{
		1: nil, 2: {"/a/x=1@2"}, 3: {"/a/x=1@2", "/a/y=1@3"}, 4: {"/a/x=1@2", "/a/y=1@3"}, 5: {"/a/x=2@5", "/a/y=1@3"}, 6: {"/a/x=2@5"},
	} {
		got, head, err := list(t, s, "/a/", at)
		want(t, fmt.Sprintf("at %d", at), got, contents)
		want(t, "its head", head.Revision, at)
		want(t, "its error", err, nil)
	}
	one, _, _ := list(t, s, "/a/x", 0)
	want(t, "a single key", one, []string{"/a/x=2@5"})
	s.Compact(4)
	if _, _, err := list(t, s, "/a/", 3); !errors.Is(err, rpctypes.ErrCompacted) {
		t.Errorf("a compacted revision: %v", err)
	}
	if _, _, err := list(t, s, "/a/", 7); !errors.Is(err, rpctypes.ErrFutureRev) {
		t.Errorf("a future revision: %v", err)
	}
	count, err := s.CountSince(t.Context(), "/a/", 4)
	want(t, "count", fmt.Sprint(count.Keys, count.Newer, count.Revision, err), "1 true 6 <nil>")
	count, _ = s.CountSince(t.Context(), "/a/", 5)
	want(t, "newer", count.Newer, false)
}

// op makes a request of clientv3's operation, as a client does.
func txn(then ...clientv3.Op) *pb.TxnRequest {
	r := &pb.TxnRequest{}
	for _, op := range then {
		r.Success = append(r.Success, request(op))
	}
	return r
}

func request(op clientv3.Op) *pb.RequestOp {
	switch {
	case op.IsPut():
		return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: op.KeyBytes(), Value: op.ValueBytes()}}}
	case op.IsDelete():
		return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{Key: op.KeyBytes()}}}
	case op.IsTxn():
		cmps, then, otherwise := op.Txn()
		r := &pb.TxnRequest{}
		for _, c := range cmps {
			r.Compare = append(r.Compare, c.GetCompare())
		}
		for _, op := range then {
			r.Success = append(r.Success, request(op))
		}
		for _, op := range otherwise {
			r.Failure = append(r.Failure, request(op))
		}
		return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: r}}
	default:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: op.KeyBytes()}}}
	}
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	s := memkv.New()
	put := func(key, value string) []clientv3.Op { return []clientv3.Op{clientv3.OpPut(key, value)} }
	get := func(key string) []clientv3.Op { return []clientv3.Op{clientv3.OpGet(key)} }
	run := func(ops ...clientv3.Op) *pb.TxnResponse {
		t.Helper()
		resp, err := s.Txn(t.Context(), txn(ops...))
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	want(t, "two puts", run(clientv3.OpPut("a", "1"), clientv3.OpPut("b", "1")).Header.Revision, 2)
	want(t, "they share a revision", s.Get("a").ModRevision+s.Get("b").ModRevision, 4)
	want(t, "a read", run(clientv3.OpGet("a")).Header.Revision, 2)
	want(t, "a deletion of nothing", run(clientv3.OpDelete("c")).Header.Revision, 2)
	for name, tt := range map[string]struct {
		cmp   clientv3.Cmp
		holds bool
	}{
		"created":         {clientv3.Compare(clientv3.CreateRevision("a"), "=", 2), true},
		"absent":          {clientv3.Compare(clientv3.CreateRevision("c"), "=", 0), true},
		"changed since":   {clientv3.Compare(clientv3.ModRevision("a"), ">", 1), true},
		"not changed":     {clientv3.Compare(clientv3.ModRevision("a"), "<", 2), false},
		"no lease":        {clientv3.Compare(clientv3.LeaseValue("a"), "=", 0), true},
		"another value":   {clientv3.Compare(clientv3.Value("a"), "!=", "1"), false},
		"absent has none": {clientv3.Compare(clientv3.Value("c"), "=", ""), false},
	} {
		resp := run(clientv3.OpTxn([]clientv3.Cmp{tt.cmp}, get("a"), get("b")))
		want(t, name, resp.Responses[0].GetResponseTxn().Succeeded, tt.holds)
	}
	// The compares of a transaction within see what was there before.
	inner := clientv3.OpTxn([]clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision("d"), "=", 0)}, put("e", "1"), get("d"))
	run(clientv3.OpPut("d", "1"), inner)
	if s.Get("e") == nil || s.Get("d").ModRevision != s.Get("e").ModRevision {
		t.Errorf("d is %v, e is %v", s.Get("d"), s.Get("e"))
	}
	// A lease that isn't there refuses the whole.
	r := txn(clientv3.OpPut("a", "2"), clientv3.OpPut("b", "2"))
	r.Success[1].GetRequestPut().Lease = 77
	before := s.Revision()
	if _, err := s.Txn(t.Context(), r); !errors.Is(err, rpctypes.ErrLeaseNotFound) || s.Revision() != before {
		t.Errorf("%v at revision %d, want ErrLeaseNotFound at %d", err, s.Revision(), before)
	}
}

func TestLeases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memkv.New()
		id, ttl, err := s.Grant(t.Context(), 10*time.Second)
		if err != nil || id == 0 || ttl != 10*time.Second {
			t.Fatalf("Grant: %d, %v, %v", id, ttl, err)
		}
		s.Put("a", "1", id)
		s.Put("b", "1", id)
		s.Put("c", "1", id)
		s.Put("c", "2", 0) // moves it away
		s.Delete("b")
		_, keys, _ := s.TimeToLive(t.Context(), id)
		want(t, "keys", keys, []string{"a"})
		renew, err := s.KeepAlive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			time.Sleep(8 * time.Second)
			if ttl, err := renew(id); err != nil || ttl != 10*time.Second {
				t.Fatalf("renewed for %v, %v", ttl, err)
			}
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		want(t, "keys after the TTL", texts(s.Keys()), "[c=2@5]")
		ttl, _ = renew(id)
		gone, _, _ := s.TimeToLive(t.Context(), id)
		want(t, "TTLs of one that is gone", fmt.Sprint(ttl < 0, gone < 0, s.Leases()), "true true 0")
		want(t, "revoking it", s.Revoke(t.Context(), id), nil)
	})
}

// heard reads responses until nothing more comes, and writes them down.
func heard(stream mirror.Stream) (out []string) {
	for {
		synctest.Wait()
		select {
		case r := <-stream.Responses():
			switch {
			case r.Created:
				out = append(out, fmt.Sprintf("%d created", r.WatchId))
			case r.CompactRevision > 0:
				out = append(out, fmt.Sprintf("%d compacted before %d", r.WatchId, r.CompactRevision))
			case r.Canceled:
				out = append(out, fmt.Sprintf("%d canceled", r.WatchId))
			case len(r.Events) == 0:
				out = append(out, fmt.Sprintf("%d at %d", r.WatchId, r.Header.Revision))
			}
			for _, ev := range r.Events {
				out = append(out, fmt.Sprintf("%d %s %s@%d", r.WatchId, ev.Type, ev.Kv.Key, ev.Kv.ModRevision))
			}
		default:
			return out
		}
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memkv.New()
		stream, err := s.Stream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		s.Put("/a/x", "1", 0) // 2
		s.Put("/b", "1", 0)
		_ = stream.Add(1, "/a/", 1)
		_ = stream.Add(2, "/b", 3)
		want(t, "two watches", heard(stream), "[1 created 2 created 1 PUT /a/x@2]")
		s.Delete("/a/x", "/b")
		s.Put("/bc", "1", 0)
		_ = stream.RequestProgress()
		want(t, "changes, then progress", heard(stream), "[1 DELETE /a/x@4 2 DELETE /b@4 -1 at 5]")
		_ = stream.Remove(2)
		s.Put("/b", "2", 0)
		want(t, "a watch that was removed", heard(stream), "[2 canceled]")
		s.Compact(5)
		_ = stream.Add(3, "/b", 2)
		_ = stream.Add(4, "/b", 5)
		want(t, "a compacted watch", heard(stream), "[3 created 4 created 3 compacted before 6 4 PUT /b@6]")
		_ = stream.Add(5, "/b", 9)
		s.Put("/b", "3", 0)
		want(t, "a watch of the future", heard(stream), "[5 created 4 PUT /b@7]")
	})
}

func TestStreamEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := memkv.New()
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := s.Stream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for range stream.Responses() {
	}
	if stream.Err() != nil || stream.Add(1, "/", 1) == nil {
		t.Error("a stream that has ended takes a watch")
	}
	stream.Close()
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	s := memkv.New()
	for range 50_000 {
		s.Put("a", "1", 0)
	}
	if n := len(s.Events(0)); n > 20_000 {
		t.Errorf("%d changes are remembered", n)
	}
	if _, _, err := list(t, s, "a", 2); !errors.Is(err, rpctypes.ErrCompacted) {
		t.Errorf("the first revision: %v", err)
	}
}

// TestReset is a backup that is restored: leases of keys in it live on.
func TestReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memkv.New()
		id, _, _ := s.Grant(t.Context(), time.Minute)
		other, _, _ := s.Grant(t.Context(), time.Minute)
		s.Put("a", "1", id)
		backup := s.Keys()
		s.Put("b", "1", other)
		s.Reset(backup, 2)
		want(t, "keys", fmt.Sprint(texts(s.Keys()), s.Revision(), s.Leases()), "[a=1@2] 2 1")
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, "after the TTL", s.Len(), 0)
	})
}
