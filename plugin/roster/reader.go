package roster

import (
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// replicaReader is what the handler needs of a replica: a fake suffices in
// tests.
type replicaReader interface {
	// Load returns the current generation; it never blocks.
	Load() *services.Generation
	// Status returns the state of the replica.
	Status() mirror.Status
	// Live reports whether the state is live, for less than Status costs.
	Live() bool
	// Since returns what has changed since a serial was shown.
	Since(serial uint32) services.History
	// IndexAddresses has addresses indexed, which names in reverse zones need.
	IndexAddresses()
	// Subscribe returns a subscription to what changes.
	Subscribe() *services.Subscription
	// Filter has it read through a filter, too, until that is closed.
	Filter(f services.Filter) *services.Filtered
}

// filteredReplica is a replica without the addresses that a block doesn't serve.
type filteredReplica struct {
	replicaReader
	filtered *services.Filtered
}

// filteredBy returns a replica as some networks show it.
func filteredBy(n nets, reg replicaReader) replicaReader {
	if len(n.allow) == 0 && len(n.deny) == 0 {
		return reg
	}
	return &filteredReplica{reg, reg.Filter(newNetFilter(n))}
}

// Load implements replicaReader.
func (f *filteredReplica) Load() *services.Generation { return f.filtered.Load() }

// Since implements replicaReader.
func (f *filteredReplica) Since(serial uint32) services.History { return f.filtered.Since(serial) }

func (f *filteredReplica) close() { f.filtered.Close() }
