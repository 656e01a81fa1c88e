package memory

import (
	"errors"

	"github.com/rosterdns/roster/internal/memkv"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/driver"
)

// Name is the name of the driver.
const Name = "memory"

func init() { registrar.RegisterDriver(Name, New) }

// New returns a registry for Init, as registrar.Open does.
func New() registrar.Registry { return driver.New(Name, connect) }

// connect returns the store that the options name, or a new one.
func connect(o *registrar.Options) (driver.Etcd, error) {
	store := NewStore()
	if given, ok := o.Extra[keyStore]; ok {
		if store, _ = given.(*Store); store == nil {
			return driver.Etcd{}, errors.New("WithStore was given no store")
		}
	}
	leave, _ := o.Extra[keyLeaveOnClose].(bool)
	etcd := faulty{store.kv, store.fault}
	return driver.Etcd{Source: etcd, Backend: etcd, LastChange: store.kv.LastChange, Fault: store.fault, LeaveOnClose: leave}, nil
}

// Store is a registry that clients share. It is safe for concurrent use. The
// zero value is not usable; see NewStore.
type Store struct {
	kv    *memkv.Store
	fault *fault
}

// NewStore returns an empty registry.
func NewStore() *Store { return &Store{kv: memkv.New(), fault: newFault()} }

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
