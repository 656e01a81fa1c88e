package rolling_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"

	"github.com/rosterdns/roster/registrar/grpcresolver"
)

// conns are the connections of a gRPC client, by their own addresses.
type conns struct{ byAddr sync.Map }

// dial is for grpc.WithContextDialer.
func (c *conns) dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	one := &conn{Conn: raw}
	c.byAddr.Store(raw.LocalAddr().String(), one)
	return one, nil
}

// sentKey is the key of the failure that a request's context has: where it was sent.
type sentKey struct{}

// TagRPC implements stats.Handler.
func (*conns) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler: it notes where a request is sent.
func (c *conns) HandleRPC(ctx context.Context, s stats.RPCStats) {
	header, ok := s.(*stats.OutHeader)
	if !ok {
		return
	}
	sent, _ := ctx.Value(sentKey{}).(*failure)
	one, known := c.byAddr.Load(header.LocalAddr.String())
	if sent != nil && known {
		sent.addr, sent.open = header.RemoteAddr.String(), one.(*conn).openAt(sent.began)
	}
}

// TagConn implements stats.Handler.
func (*conns) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (*conns) HandleConn(context.Context, stats.ConnStats) {}

// overGRPC is a fleet whose servers register by the library, and traffic by grpcresolver
// with gRPC's own round robin.
func overGRPC(t *testing.T) (*fleet, *traffic) {
	t.Helper()
	f, registry := byLibrary(t, "-grpc")
	var c conns
	cc, err := grpc.NewClient("roster:///orders",
		grpc.WithResolvers(grpcresolver.New(registry)),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(c.dial), grpc.WithStatsHandler(&c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	health := healthpb.NewHealthClient(cc)
	return f, startTraffic(t, func(int) (string, failure) {
		sent := failure{began: time.Now()}
		var header metadata.MD
		ctx := context.WithValue(context.Background(), sentKey{}, &sent)
		_, err := health.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Header(&header))
		sent.err = err
		ids := header.Get("id")
		if err == nil && len(ids) != 1 {
			sent.err = errors.New("the answer doesn't say whose it is")
		}
		if sent.err != nil {
			return "", sent
		}
		return ids[0], failure{}
	})
}

// TestRestartGRPC: ten servers are restarted one after the other, and no request fails.
func TestRestartGRPC(t *testing.T) {
	f, tr := overGRPC(t)
	restartAll(t, f, tr, 1)
}

// TestKillGRPC: ten servers are killed one after the other. Only requests fail that were
// in flight on the one that is killed.
func TestKillGRPC(t *testing.T) {
	f, tr := overGRPC(t)
	killAll(t, f, tr, f.kill, false)
}
