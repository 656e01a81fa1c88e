package driver

import (
	"context"
	"time"

	"github.com/rosterdns/roster/registrar/internal/writer"
)

// accompanied is a backend along with whose keepalives the replica asks for progress, so
// that an idle process wakes once for both.
type accompanied struct {
	writer.Backend
	replica *lazyReplica
}

// KeepAlive implements writer.Backend.
func (a accompanied) KeepAlive(ctx context.Context) (renew func(id int64) (time.Duration, error), err error) {
	inner, err := a.Backend.KeepAlive(ctx)
	if err != nil {
		return nil, err
	}
	return func(id int64) (time.Duration, error) {
		a.replica.askAlong()
		return inner(id)
	}, nil
}
