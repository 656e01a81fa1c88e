package etcd

import (
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
)

// extraKey is the type of this driver's keys in registrar.Options.Extra.
type extraKey uint8

const (
	keyClient extraKey = iota
	keyLeaveOnClose
)

func extra(key extraKey, value any) registrar.Option {
	return func(o *registrar.Options) { o.Extra[key] = value }
}

// WithClient makes the driver use a client that the program has already, in
// place of endpoints, TLS and credentials. Closing it stays with the program,
// after the registrar was closed.
func WithClient(client *clientv3.Client) registrar.Option { return extra(keyClient, client) }

// WithLeaveOnClose makes Close leave what is registered: it is served until the
// lease runs out. It is for programs that register once and end.
func WithLeaveOnClose() registrar.Option { return extra(keyLeaveOnClose, true) }
