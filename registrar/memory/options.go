package memory

import "github.com/rosterdns/roster/registrar"

// extraKey is the type of this driver's keys in registrar.Options.Extra.
type extraKey uint8

const (
	keyStore extraKey = iota
	keyLeaveOnClose
)

// WithStore makes the client use a registry that others use too. The default is
// one of its own.
func WithStore(store *Store) registrar.Option {
	return func(o *registrar.Options) { o.Extra[keyStore] = store }
}

// WithLeaveOnClose makes Close leave what is registered. Other than under a
// lease of etcd it then stays as long as the Store.
func WithLeaveOnClose() registrar.Option {
	return func(o *registrar.Options) { o.Extra[keyLeaveOnClose] = true }
}
