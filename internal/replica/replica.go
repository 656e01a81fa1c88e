// Package replica holds a registry in memory, as a program uses it: the connection
// to etcd, the mirror of its keys, the store of its services, the guard against
// mass expiry and the snapshot on disk are opened, taken over in a reload, and
// closed as one.
//
// Nothing but the writing of the snapshot waits for the disk, and nothing but the
// mirror for etcd.
package replica

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// DefaultSnapshotMaxAge lets a process that was off overnight start without etcd.
// What is older is likely to be wrong for the most part.
const DefaultSnapshotMaxAge = 24 * time.Hour

// DefaultSnapshotWait is how long the mirror waits for the snapshot to be read,
// which takes milliseconds: of the second that GetService has for its first
// answer, a disk that hangs leaves the other half to etcd.
const DefaultSnapshotWait = 500 * time.Millisecond

// ErrClosed is the error of a replica that was closed.
var ErrClosed = errors.New("the replica was closed")

// Config configures a replica.
type Config struct {
	// Etcd is how to reach etcd. Clients, the caller's own connection, or Source,
	// which can be anything, take its place if they are set.
	Etcd    etcdclient.Config
	Clients mirror.Clients
	Source  mirror.Source
	// Prefix is what all keys start with, without a '/' at its end.
	Prefix string
	// Ranges are the parts of the registry that are followed from the start until
	// Close, as mirror.Follow takes them. A snapshot is used only if it is of just
	// these. Without any, ranges come and go by Follow and Unfollow, and a snapshot
	// is good for each range that it covers.
	Ranges []string

	// Snapshot is the path of the file; empty for none.
	Snapshot string
	// SnapshotMaxAge is how long after the last contact with etcd the contents of a
	// file, or of a range that is followed no more, are used; 0 means
	// DefaultSnapshotMaxAge.
	SnapshotMaxAge time.Duration
	// SnapshotWait is how long the mirror waits for the file to be read before it
	// starts without; 0 means DefaultSnapshotWait.
	SnapshotWait time.Duration
	// SnapshotHolders are replicas that write the same file. This one does so once
	// they have all released it.
	SnapshotHolders []*Replica

	// Protect is the percentage of instances whose expiry within a minute is a mass
	// expiry; 0 means no guard.
	Protect int
	// ProtectFor is how long those instances stay served.
	ProtectFor time.Duration
	// KeepLast is how long the last instances of a service stay served that go
	// without having been unregistered, where its policy doesn't say so; 0 means not
	// at all.
	KeepLast time.Duration

	// Presentation identifies the settings by which whoever uses the replica shows its
	// contents, by text that is equal for equal settings: where it isn't that of the
	// snapshot, or of the predecessor, the serial rises. Empty if there are none. See
	// SetPresentation.
	Presentation string
	// Log gets what an operator should know; nil for nothing. Its handler must not
	// block.
	Log *slog.Logger
	// Observer can be nil.
	Observer Observer

	// Predecessor is a replica in whose place this one is opened; nil if there is
	// none. The serial goes on where it was. If SameRegistry is set, the contents
	// are taken over, too: the predecessor is of the same keys of the same etcd.
	// Both go on until each is closed.
	Predecessor  *Replica
	SameRegistry bool

	disk disk // of tests
}

// Replica is a registry in memory. Its methods are safe for concurrent use.
type Replica struct {
	cfg      Config
	log      *slog.Logger
	registry *registry
	disk     *saved
	source   mirror.Source
	conn     *etcdclient.Conn // nil where it is the caller's
	ranges   []*mirror.Range  // of Config.Ranges
	// listFirst says that there is something to answer from, but that the
	// predecessor is in contact and knows more.
	listFirst bool

	ctx    context.Context // until Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Load returns the present generation: one atomic load.
func (r *Replica) Load() *services.Generation { return r.registry.store.Load() }

// Store returns the store, for its changes.
func (r *Replica) Store() *services.Store { return r.registry.store }

// Guard returns the guard.
func (r *Replica) Guard() *services.Guard { return r.registry.guard }

// Loaded is closed when the snapshot was read, or is not to be.
func (r *Replica) Loaded() <-chan struct{} { return r.disk.loaded }

// Released is closed when the replica writes its file no more.
func (r *Replica) Released() <-chan struct{} { return r.disk.released }

// Follow has a range listed and watched, into the store, until as many calls of
// Unfollow.
func (r *Replica) Follow(rng string) *mirror.Range { return r.registry.follow(rng) }

// FollowInto has a range listed and watched, into another view. It is no part of
// the snapshot.
func (r *Replica) FollowInto(rng string, view mirror.View) *mirror.Range {
	return r.registry.mirror.Follow(rng, view)
}

// Unfollow ends what Follow or FollowInto began. With a snapshot, what is in the
// store stays there as a cached range, as good as the file, until it is too old.
func (r *Replica) Unfollow(rng *mirror.Range) { r.registry.unfollow(rng) }

// AskAlong has etcd asked for progress along with a request that is made now, as
// mirror.Mirror does.
func (r *Replica) AskAlong() { r.registry.mirror.AskAlong() }

// SetPresentation says by which settings the contents are shown from now on, as
// Config.Presentation does at first. If these are others than before the serial rises:
// what is shown under it is something else, though nothing has changed in etcd.
func (r *Replica) SetPresentation(presentation string) {
	if r.registry.setPresentation(presentation) {
		r.disk.touch()
	}
}
