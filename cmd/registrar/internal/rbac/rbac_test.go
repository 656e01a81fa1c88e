package rbac_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/authpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/cmd/registrar/internal/rbac"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCommands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		role rbac.Role
		want []string
	}{
		"DNS": {rbac.DNS("dns", "/roster", nil), []string{
			"etcdctl role add dns", "etcdctl role grant-permission dns read --prefix=true /roster/",
		}},
		"DNS of namespaces": {rbac.DNS("dns", "/a b", []string{"prod", "test", "prod"}), []string{
			"etcdctl role add dns", "etcdctl role grant-permission dns read --prefix=true '/a b/prod/'", "etcdctl role grant-permission dns read --prefix=true '/a b/test/'",
		}},
		"registrar": {rbac.Registrar("it's", "/roster", []rbac.Target{{"prod", "orders"}}, []rbac.Target{{"prod", "orders"}, {"prod", "db"}, {Namespace: "test"}}), []string{
			`etcdctl role add 'it'\''s'`, `etcdctl role grant-permission 'it'\''s' readwrite --prefix=true /roster/prod/orders/`,
			`etcdctl role grant-permission 'it'\''s' read --prefix=true /roster/prod/db/`, `etcdctl role grant-permission 'it'\''s' read --prefix=true /roster/test/`,
		}},
		"a namespace has its services": {rbac.Registrar("r", "/roster", []rbac.Target{{"prod", "orders"}, {Namespace: "prod"}, {"prod", "db"}}, nil), []string{
			"etcdctl role add r", "etcdctl role grant-permission r readwrite --prefix=true /roster/prod/",
		}},
		"to read it gives none to write": {rbac.Registrar("r", "/roster", []rbac.Target{{"prod", "orders"}}, []rbac.Target{{Namespace: "prod"}}), []string{
			"etcdctl role add r", "etcdctl role grant-permission r readwrite --prefix=true /roster/prod/orders/", "etcdctl role grant-permission r read --prefix=true /roster/prod/",
		}},
	} {
		if got := c.role.Commands(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
	r := rbac.DNS("dns", "/roster", nil)
	r.Users = []string{"ns1"}
	got, err := json.Marshal(r)
	if want := `{"role":"dns","permissions":[{"type":"read","key":"/roster/","range_end":"/roster0"}],"users":["ns1"]}`; err != nil || string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := r.Commands(); got[2] != "etcdctl user grant-role ns1 dns" {
		t.Errorf("got %q", got)
	}
}

// auth is an etcd with a role that has permissions already.
type auth struct {
	calls []string
	fail  string
	err   error
}

func (a *auth) call(name string) error {
	a.calls = append(a.calls, name)
	if strings.HasPrefix(name, a.fail) {
		return a.err
	}
	return nil
}

func (a *auth) RoleAdd(_ context.Context, name string) (*clientv3.AuthRoleAddResponse, error) {
	return nil, a.call("add " + name)
}

func (a *auth) RoleGet(context.Context, string) (*clientv3.AuthRoleGetResponse, error) {
	return &clientv3.AuthRoleGetResponse{Perm: []*authpb.Permission{
		{Key: []byte("/roster/"), RangeEnd: []byte("/roster0")},
		{Key: []byte("/"), RangeEnd: []byte("0")},
		{Key: []byte("one key")},
	}}, a.call("get")
}

func (a *auth) RoleGrantPermission(_ context.Context, name, key, rangeEnd string, p clientv3.PermissionType) (*clientv3.AuthRoleGrantPermissionResponse, error) {
	return nil, a.call("grant " + strings.Join([]string{name, key, rangeEnd, authpb.Permission_Type(p).String()}, " "))
}

func (a *auth) UserGrantRole(_ context.Context, user, role string) (*clientv3.AuthUserGrantRoleResponse, error) {
	return nil, a.call("user " + user + " " + role)
}

func TestApply(t *testing.T) {
	t.Parallel()
	r := rbac.Registrar("r", "/roster", []rbac.Target{{Namespace: "prod"}}, []rbac.Target{{Namespace: "test"}})
	r.Users = []string{"u"}
	a := &auth{fail: "add", err: rpctypes.ErrRoleAlreadyExist}
	revoke, err := r.Apply(t.Context(), a)
	want := []string{"add r", "grant r /roster/prod/ /roster/prod0 READWRITE", "grant r /roster/test/ /roster/test0 READ", "user u r", "get"}
	if err != nil || !slices.Equal(a.calls, want) {
		t.Errorf("calls %q, error %v; want %q", a.calls, err, want)
	}
	if want := []string{"etcdctl role revoke-permission r /roster/ /roster0", "etcdctl role revoke-permission r / 0", "etcdctl role revoke-permission r 'one key'"}; !slices.Equal(revoke, want) {
		t.Errorf("to revoke are %q, want %q", revoke, want)
	}
	for _, fail := range []string{"add", "grant", "user", "get"} {
		a := &auth{fail: fail, err: rpctypes.ErrPermissionDenied}
		if _, err := r.Apply(t.Context(), a); !errors.Is(err, rpctypes.ErrPermissionDenied) {
			t.Errorf("%s: error %v", fail, err)
		}
	}
}
