package health

import (
	"context"
	"crypto/tls"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// GRPC is a Probe by the health checking protocol of gRPC, on a connection of its own and
// without proxy. SERVING is a success.
type GRPC struct {
	// Address is HOST:PORT.
	Address string
	// Service is the service that is asked about; empty for the server as a whole.
	Service string
	// TLS is nil for a connection without TLS.
	TLS *tls.Config
}

// Probe implements Probe.
func (g *GRPC) Probe(ctx context.Context) error {
	security := insecure.NewCredentials()
	if g.TLS != nil {
		security = credentials.NewTLS(g.TLS)
	}
	conn, err := grpc.NewClient("passthrough:///"+g.Address, grpc.WithTransportCredentials(security), grpc.WithNoProxy(), grpc.WithDisableServiceConfig())
	if err != nil {
		return err
	}
	defer conn.Close()
	// The first failure to connect is the result: the next probe tries again.
	resp, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: g.Service})
	if err != nil {
		return fmt.Errorf("asking the health service at %q: %w", g.Address, err)
	}
	if resp.Status != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("service %q at %q is %v", g.Service, g.Address, resp.Status)
	}
	return nil
}
