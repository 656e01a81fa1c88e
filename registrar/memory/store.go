package memory

import "github.com/rosterdns/roster/internal/memkv"

// Store is a registry that clients share. It is safe for concurrent use. The
// zero value is not usable; see NewStore.
type Store struct{ kv *memkv.Store }

// NewStore returns an empty registry.
func NewStore() *Store { return &Store{kv: memkv.New()} }
