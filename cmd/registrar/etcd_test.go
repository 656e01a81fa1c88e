package main

import (
	"context"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/cmd/registrar/internal/rbac"
	"github.com/rosterdns/roster/internal/etcdclient"
)

// fakeEtcd is an etcd of one member, beside the registry of a test.
type fakeEtcd struct {
	rbac.Auth // not called

	status     clientv3.StatusResponse
	statusErr  error
	members    []*pb.Member
	membersErr error
	auth       bool
	read       error
	write      error
}

// healthyEtcd is one that has nothing to complain about.
func healthyEtcd() *fakeEtcd {
	return &fakeEtcd{
		status: clientv3.StatusResponse{
			Header: &pb.ResponseHeader{MemberId: 7, Revision: 20}, Version: "3.7.3", Leader: 7, DbSize: 3 << 20, DbSizeQuota: 2 << 30,
		},
		members: []*pb.Member{{ID: 7, Name: "etcd-0"}},
	}
}

func (f *fakeEtcd) Status(context.Context, string) (*clientv3.StatusResponse, error) {
	return &f.status, f.statusErr
}

func (f *fakeEtcd) MemberList(context.Context, ...clientv3.OpOption) (*clientv3.MemberListResponse, error) {
	return &clientv3.MemberListResponse{Members: f.members}, f.membersErr
}

func (f *fakeEtcd) AuthStatus(context.Context) (*clientv3.AuthStatusResponse, error) {
	return &clientv3.AuthStatusResponse{Enabled: f.auth}, nil
}

func (f *fakeEtcd) Get(context.Context, string, ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return &clientv3.GetResponse{}, f.read
}

func (f *fakeEtcd) Txn(context.Context) clientv3.Txn { return fakeTxn{f} }

// fakeTxn is a transaction that writes nothing.
type fakeTxn struct{ f *fakeEtcd }

func (t fakeTxn) If(...clientv3.Cmp) clientv3.Txn  { return t }
func (t fakeTxn) Then(...clientv3.Op) clientv3.Txn { return t }
func (t fakeTxn) Else(...clientv3.Op) clientv3.Txn { return t }
func (t fakeTxn) Commit() (*clientv3.TxnResponse, error) {
	return &clientv3.TxnResponse{}, t.f.write
}

// beside runs a command on the registry with an etcd, and fails unless it exits with the
// code.
func (s *shop) beside(t *testing.T, etcd *fakeEtcd, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	b := newBench(s.open())
	b.app.etcd = func(context.Context, etcdclient.Config) (etcdClient, func(), error) { return etcd, func() {}, nil }
	code, stdout, stderr := b.run(t, args...)
	if code != want {
		t.Fatalf("registrar %s: exit code %d, want %d; it wrote %q and said %q", strings.Join(args, " "), code, want, stdout, stderr)
	}
	return stdout, stderr
}
