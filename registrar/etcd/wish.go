package etcd

import (
	"bytes"
	"context"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// wish is what the user wants of one key, and how far that is. The session's
// mutex guards it.
type wish struct {
	name catalog.Key
	key  string // in etcd

	// What is wanted:
	value   []byte
	static  bool
	remove  bool // rather than put
	force   bool // remove it whoever wrote it
	version uint64

	// What has become of it:
	dirty     bool             // something is to be written
	tried     bool             // the last try failed: wait for the next round
	written   bool             // a write was sent, whatever came of it
	acked     bool             // a write was acknowledged: later ones are fenced
	wasStatic bool             // a static value was written: lease 0 is the client's too
	held      clientv3.LeaseID // of the last acknowledged write
	revision  int64            // of the last acknowledged write
	fouledAt  int64            // revision of what others did to the key last
	healed    time.Time        // when the key was last put back

	state registrar.State
	since time.Time
	err   error

	unwatch context.CancelFunc // nil while the key is not watched
}

// set enters a state.
func (w *wish) set(state registrar.State, err error) {
	if w.state != state {
		w.state, w.since = state, time.Now()
	}
	w.err = err
}

// want makes the wish one for an instance, and reports whether that changed
// anything.
func (w *wish) want(in *catalog.Instance) bool {
	value := in.EncodeValue()
	if w.version > 0 && !w.remove && !w.dirty && w.state == registrar.StateRegistered &&
		w.static == in.Static && bytes.Equal(w.value, value) {
		return false
	}
	if w.remove {
		w.acked = false // whoever asks again after Unregister wants the ID
	}
	w.value, w.static, w.remove, w.force = value, in.Static, false, false
	w.version++
	w.dirty, w.tried = true, false
	// A superseded instance stays so until its key is seen to be free.
	if w.state != registrar.StateSuperseded || !w.acked {
		w.set(registrar.StatePending, nil)
	}
	return true
}

// unwant makes the wish one for the absence of the instance.
func (w *wish) unwant(force bool) {
	w.remove, w.force = true, force
	w.version++
	w.dirty, w.tried = true, false
	w.set(registrar.StateUnregistering, nil)
}

// settled reports whether etcd has the wish.
func (w *wish) settled() bool {
	return !w.dirty && !w.remove && w.state == registrar.StateRegistered
}

// job is a wish on its way to etcd, as it was when it left.
type job struct {
	wish     *wish
	version  uint64
	fouledAt int64
	edit     edit
	found    *mvccpb.KeyValue // of a removal: the key as read
}

func (w *wish) job() *job { return &job{wish: w, version: w.version, fouledAt: w.fouledAt} }

// current reports whether the user has not changed the wish meanwhile.
func (j *job) current() bool { return j.version == j.wish.version }

// last reports whether a write at the revision is newer than all that others are
// known to have done to the key since the job began.
func (j *job) last(revision int64) bool {
	return j.wish.fouledAt == j.fouledAt || j.wish.fouledAt <= revision
}
