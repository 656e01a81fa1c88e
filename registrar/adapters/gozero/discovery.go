package gozero

import (
	"github.com/zeromicro/go-zero/zrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/grpcresolver"
)

// Discovery is an option of zRPC clients whose target is roster:///SERVICE. The registry's
// client must be open as long as they are used.
func Discovery(client registrar.Watcher) zrpc.ClientOption {
	return zrpc.WithDialOption(grpc.WithResolvers(NewResolver(client)))
}

// NewResolver returns grpcresolver.New with what go-zero's balancers need besides.
func NewResolver(client registrar.Watcher) resolver.Builder {
	return grpcresolver.New(client, grpcresolver.WithAddresses())
}
