package cluster_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/cmd/registrar/internal/cluster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errRefused = errors.New("refused")

// fake is an etcd whose members answer by their endpoints; those without an answer are
// silent.
type fake struct {
	clientv3.KV
	answers map[string]*clientv3.StatusResponse
	list    []*pb.Member
	listErr error
	read    error
	ops     []clientv3.Op // that a transaction would do
	refusal error         // of it
}

func (f *fake) Status(ctx context.Context, endpoint string) (*clientv3.StatusResponse, error) {
	if s := f.answers[endpoint]; s != nil {
		return s, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (f *fake) MemberList(context.Context, ...clientv3.OpOption) (*clientv3.MemberListResponse, error) {
	return &clientv3.MemberListResponse{Members: f.list}, f.listErr
}

func (f *fake) AuthStatus(context.Context) (*clientv3.AuthStatusResponse, error) {
	return &clientv3.AuthStatusResponse{Enabled: true}, nil
}

func (f *fake) Get(context.Context, string, ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return nil, f.read
}

func (f *fake) Txn(context.Context) clientv3.Txn { return &txn{f: f} }

type txn struct{ f *fake }

func (t *txn) If(...clientv3.Cmp) clientv3.Txn { panic("a condition can fail") }
func (t *txn) Then(...clientv3.Op) clientv3.Txn {
	panic("without conditions, this would be carried out")
}

func (t *txn) Else(ops ...clientv3.Op) clientv3.Txn {
	t.f.ops = ops
	return t
}
func (t *txn) Commit() (*clientv3.TxnResponse, error) { return nil, t.f.refusal }

func answer(id, leader uint64) *clientv3.StatusResponse {
	return &clientv3.StatusResponse{Header: &pb.ResponseHeader{MemberId: id}, Leader: leader}
}

func TestLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		learner := answer(3, 1)
		learner.IsLearner = true
		f := &fake{
			answers: map[string]*clientv3.StatusResponse{"http://a": answer(1, 1), "http://b": answer(2, 1), "http://l": learner, "http://cut-off": answer(4, 0)},
			list: []*pb.Member{
				{ID: 1, Name: "a"},
				{ID: 2, Name: "b"},
				{ID: 3, Name: "l", IsLearner: true},
				{ID: 4, Name: "c"},
				{ID: 5, Name: "silent", ClientURLs: []string{"http://silent"}},
				{ID: 6, Name: "other", ClientURLs: []string{"http://x", "http://y"}},
			},
		}
		members, err := cluster.Look(t.Context(), f, []string{"http://a", "http://b", "http://l", "http://cut-off", "http://silent"})
		if err != nil || len(members) != 6 {
			t.Fatalf("%v, %v", members, err)
		}
		for i, want := range []struct{ endpoint, name, role string }{
			{"http://a", "a", "leader"},
			{"http://b", "b", "follower"},
			{"http://l", "l", "learner"},
			{"http://cut-off", "c", "no leader"},
			{"http://silent", "silent", ""},
			{"http://x,http://y", "other", ""},
		} {
			m := &members[i]
			if m.Endpoint != want.endpoint || m.Name != want.name || m.Role() != want.role {
				t.Errorf("member %d: %s %s %q, want %v", i, m.Endpoint, m.Name, m.Role(), want)
			}
			if unasked := want.name == "other"; m.Unlisted != unasked || (m.Err != nil) != (want.name == "silent") {
				t.Errorf("member %d: unlisted %v, error %v", i, m.Unlisted, m.Err)
			}
		}
	})
}

func TestLookWithoutList(t *testing.T) {
	t.Parallel()
	f := &fake{answers: map[string]*clientv3.StatusResponse{"http://a": answer(1, 1)}, listErr: errRefused}
	members, err := cluster.Look(t.Context(), f, []string{"http://a"})
	if !errors.Is(err, errRefused) || len(members) != 1 || members[0].Role() != "leader" || members[0].Name != "" {
		t.Errorf("%v, %v", members, err)
	}
}

// TestRightsOf shows that no branch is asked for that etcd would carry out.
func TestRightsOf(t *testing.T) {
	t.Parallel()
	f := &fake{refusal: errRefused}
	r := cluster.RightsOf(t.Context(), f, "/roster/")
	if r.Read != nil || !errors.Is(r.Write, errRefused) || !r.Authentication {
		t.Errorf("%+v", r)
	}
	if len(f.ops) != 1 || !f.ops[0].IsPut() || string(f.ops[0].KeyBytes()) != "/roster/_probe" {
		t.Errorf("the operations are %v", f.ops)
	}
}
