package mirror

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// TestLog is what an operator reads: each loss of contact with its cause, once,
// and its end.
func TestLog(t *testing.T) {
	t.Parallel()
	refused := errors.New("connection refused")
	scenario(t, func(f *fakeEtcd) {
		f.down, f.lastError = true, refused
	}, func(_ *testing.T, f *fakeEtcd, g *rig) {
		g.wantLogged("level=WARN|can't be read yet|reason=list|connection refused")
		g.at(10 * time.Second) // the same again says nothing new
		g.wantLogged()

		f.set(func() { f.down, f.lastError = false, nil; f.onPage = failing(rpctypes.ErrAuthFailed) })
		g.passed(retryLimit)
		g.wantLogged("level=WARN|can't be read yet|reason=auth|invalid user")

		f.set(func() { f.onPage = nil })
		g.passed(retryLimit)
		g.wantLogged("level=INFO|can be read now|keys=0")

		// The server stops dead: nothing has failed yet when the time is up.
		release := f.hang()
		f.set(func() { f.lastError = refused })
		g.passed(FreshFor + time.Second)
		g.wantLogged("level=WARN|last known state|fell silent|connection refused")
		f.set(func() { f.lastError = nil })
		release()
		g.passed(time.Minute)
		g.wantLogged("level=INFO|back in contact")
	})
}

// TestLogOfRestore is an etcd that goes back in time, which takes keys away
// without a deletion that anybody could see.
func TestLogOfRestore(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.put("/r/n/s/a", "1")
	}, func(_ *testing.T, f *fakeEtcd, g *rig) {
		g.wantLogged() // a start that goes well is its caller's to tell
		restore := f.backup()
		f.put("/r/n/s/b", "1")
		g.passed(time.Millisecond)
		restore()
		g.passed(progressEvery + retryLimit)
		g.wantLogged("level=WARN|etcd history changed|revision=2|keys=1|\"revision before\"=3|\"keys before\"=2")
	})
}

// failing makes every page fail.
func failing(err error) func(context.Context, int) error {
	return func(context.Context, int) error { return err }
}
