package peers

import (
	"context"
	"fmt"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/rosterdns/roster/test/bench/process"
	"github.com/rosterdns/roster/test/ports"
)

// Proxy is etcd's gRPC proxy.
type Proxy struct {
	*process.Process
	// Endpoint is its URL.
	Endpoint string
}

// Proxy starts etcd's gRPC proxy before an etcd, and waits until it serves.
func (k Kit) Proxy(ctx context.Context, e *Etcd) (*Proxy, error) {
	dir, err := k.Group.Dir("proxy")
	if err != nil {
		return nil, err
	}
	port, err := ports.Free()
	if err != nil {
		return nil, err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	started, err := k.Group.Start("grpc-proxy", dir, k.Programs.Etcd, "grpc-proxy", "start",
		"--endpoints="+strings.TrimPrefix(e.Endpoint, "http://"), "--listen-addr="+addr, "--advertise-client-url="+addr)
	if err != nil {
		return nil, err
	}
	p := &Proxy{started, "http://" + addr}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{p.Endpoint}, DialTimeout: dialTime, Logger: zap.NewNop()})
	if err != nil {
		p.Stop()
		return nil, err
	}
	defer client.Close()
	if err := serving(ctx, started, client); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}
