package harness

import (
	"context"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// User logs in to an etcd with EtcdOptions.Auth.
type User struct{ Name, Password string }

// The users of an etcd with EtcdOptions.Auth. Writer may read and write, and
// Reader read, what is below the default prefix, and nothing else.
var (
	Root   = User{"root", "root-secret"}
	Writer = User{"writer", "writer-secret"}
	Reader = User{"reader", "reader-secret"}
)

// registryPrefix is what Writer and Reader have access to. It ends in '/', so
// that no neighbour's keys start with it.
const registryPrefix = "/roster/"

func (e *Etcd) enableAuth(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	end := clientv3.GetPrefixRangeEnd(registryPrefix)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range []struct {
		User
		role   string
		access clientv3.PermissionType
	}{
		{Root, "root", -1},
		{Writer, "registrar", clientv3.PermissionType(clientv3.PermReadWrite)},
		{Reader, "dns", clientv3.PermissionType(clientv3.PermRead)},
	} {
		_, err := e.client.RoleAdd(ctx, u.role)
		must(err)
		if u.access >= 0 {
			_, err = e.client.RoleGrantPermission(ctx, u.role, registryPrefix, end, u.access)
			must(err)
		}
		_, err = e.client.UserAdd(ctx, u.Name, u.Password)
		must(err)
		_, err = e.client.UserGrantRole(ctx, u.Name, u.role)
		must(err)
	}
	_, err := e.client.AuthEnable(ctx)
	must(err)
}

// Client returns a client with all rights. It is closed at the end of the test.
func (e *Etcd) Client() *clientv3.Client { return e.client }

// WaitServing waits until the cluster answers linearizable reads.
func (e *Etcd) WaitServing(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := e.client.Get(attempt, "serving")
		cancel()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("etcd doesn't serve: %v", err)
		}
	}
}

func (e *Etcd) connect(t testing.TB, u User, endpoints ...string) *clientv3.Client {
	t.Helper()
	cfg := clientv3.Config{
		Endpoints: endpoints,
		Username:  u.Name,
		Password:  u.Password,
		Logger:    zap.NewNop(),
		// A server that is about to start is found within a tenth of a second.
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.2, MaxDelay: 100 * time.Millisecond},
			MinConnectTimeout: time.Second,
		})},
		MaxCallSendMsgSize: 16 << 20,
		MaxCallRecvMsgSize: 1 << 30,
	}
	if e.Certs != nil {
		cfg.TLS = e.Certs.ClientTLS(t)
	}
	client, err := clientv3.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}
