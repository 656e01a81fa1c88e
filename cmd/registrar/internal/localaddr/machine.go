package localaddr

import (
	"context"
	"net/netip"

	"github.com/rosterdns/roster/registrar"
)

// Machine is whose addresses are looked up. Tests make their own.
type Machine struct {
	// Lookup is registrar.LocalAddresses.
	Lookup func(ctx context.Context, networkInterface string, endpoints ...string) ([]netip.Addr, error)
	// Watch calls changed when it has begun, and then whenever addresses or routes may
	// have changed, until ctx is done.
	Watch func(ctx context.Context, changed func())
}

// This returns the machine that the program runs on.
func This() Machine { return Machine{Lookup: registrar.LocalAddresses, Watch: changes} }
