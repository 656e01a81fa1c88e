package inspect_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/internal/mirror"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// leased and static are values of instances; a lease is of the former.
const (
	leased = `{"addresses":["10.0.0.7"]}`
	static = `{"addresses":["10.0.0.8"],"static":true}`
)

// key is a key with its value, which is under a lease unless it is static.
func key(name, value string, revision int64) mirror.Event {
	ev := mirror.Event{Key: name, Value: []byte(value), ModRevision: revision}
	if value != static {
		ev.Lease = 7
	}
	return ev
}
