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

// Store is a registry that clients share. It is safe for concurrent use. The
// zero value is not usable; see NewStore.
type Store struct{ kv *memkv.Store }

// NewStore returns an empty registry.
func NewStore() *Store { return &Store{kv: memkv.New()} }

// connect returns the store that the options name, or a new one.
func connect(o *registrar.Options) (driver.Etcd, error) {
	store := NewStore()
	if given, ok := o.Extra[keyStore]; ok {
		if store, _ = given.(*Store); store == nil {
			return driver.Etcd{}, errors.New("WithStore was given no store")
		}
	}
	leave, _ := o.Extra[keyLeaveOnClose].(bool)
	return driver.Etcd{Source: store.kv, Backend: store.kv, LastChange: store.kv.LastChange, LeaveOnClose: leave}, nil
}
