package etcd

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/rosterdns/roster/internal/backoff"
)

// reconnects implements backend by the state of the client's connection. With
// several endpoints that counts as lost when none is left, as it is while a
// backup is restored.
func (c *cluster) reconnects(ctx context.Context, fn func()) {
	pause := backoff.New(retryBase, retryLimit)
	lost := false
	for {
		if client, err := c.clients.Client(ctx); err == nil {
			followConn(ctx, client.ActiveConnection(), &lost, fn)
		}
		// The client is closed, or replaced by one with other credentials.
		if pause.Wait(ctx) != nil {
			return
		}
	}
}

// followConn calls fn each time that a connection is ready after it was lost,
// until ctx is done or the connection is closed. It was ready before the first
// call.
func followConn(ctx context.Context, conn *grpc.ClientConn, lost *bool, fn func()) {
	*lost = *lost || conn.GetState() != connectivity.Ready
	for {
		state := conn.GetState()
		switch {
		case state == connectivity.Shutdown:
			return
		case state == connectivity.Ready && *lost:
			*lost = false
			fn()
		}
		if !conn.WaitForStateChange(ctx, state) {
			return
		}
		*lost = *lost || state == connectivity.Ready
	}
}
