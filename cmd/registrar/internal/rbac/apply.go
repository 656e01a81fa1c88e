package rbac

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/authpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Auth is what of an etcd client is used.
type Auth interface {
	RoleAdd(ctx context.Context, name string) (*clientv3.AuthRoleAddResponse, error)
	RoleGet(ctx context.Context, role string) (*clientv3.AuthRoleGetResponse, error)
	RoleGrantPermission(ctx context.Context, name, key, rangeEnd string, permType clientv3.PermissionType) (*clientv3.AuthRoleGrantPermissionResponse, error)
	UserGrantRole(ctx context.Context, user, role string) (*clientv3.AuthUserGrantRoleResponse, error)
}

// Apply makes the role, or gives one that there is what it lacks, and grants it to its
// users. It can be repeated. What the role may do besides stays so, since others can rely
// on it: the extra permissions are returned as commands of etcdctl that revoke them.
// Errors are those of clientv3.
func (r *Role) Apply(ctx context.Context, auth Auth) (revoke []string, err error) {
	if _, err := auth.RoleAdd(ctx, r.Name); err != nil && !errors.Is(err, rpctypes.ErrRoleAlreadyExist) {
		return nil, fmt.Errorf("adding role %q: %w", r.Name, err)
	}
	for _, p := range r.Permissions {
		access := clientv3.PermissionType(clientv3.PermRead)
		if p.Access == ReadWrite {
			access = clientv3.PermissionType(clientv3.PermReadWrite)
		}
		if _, err := auth.RoleGrantPermission(ctx, r.Name, p.Prefix, clientv3.GetPrefixRangeEnd(p.Prefix), access); err != nil {
			return nil, fmt.Errorf("granting role %q %s on %q: %w", r.Name, p.Access, p.Prefix, err)
		}
	}
	for _, u := range r.Users {
		if _, err := auth.UserGrantRole(ctx, u, r.Name); err != nil {
			return nil, fmt.Errorf("granting user %q role %q: %w", u, r.Name, err)
		}
	}
	resp, err := auth.RoleGet(ctx, r.Name)
	if err != nil {
		return nil, fmt.Errorf("reading role %q: %w", r.Name, err)
	}
	return r.extra(resp.Perm), nil
}

// extra returns the commands that revoke what is not in the role.
func (r *Role) extra(stored []*authpb.Permission) (revoke []string) {
	own := map[string]bool{}
	for _, p := range r.Permissions {
		own[p.Prefix+"\x00"+clientv3.GetPrefixRangeEnd(p.Prefix)] = true
	}
	for _, p := range stored {
		if key, end := string(p.Key), string(p.RangeEnd); !own[key+"\x00"+end] {
			command := "etcdctl role revoke-permission " + shell(r.Name) + " " + shell(key)
			if end != "" {
				command += " " + shell(end)
			}
			revoke = append(revoke, command)
		}
	}
	return revoke
}
