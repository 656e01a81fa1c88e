package checking

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/catalog"
)

const (
	// requestTimeout leaves time for another member of etcd, where one hangs.
	requestTimeout = 2 * time.Second
	// attempts bounds how often a value is read anew that others change at the same time;
	// after it the next change of it is waited for.
	attempts = 5
)

// Store writes the statuses of static instances of one service. It is safe for concurrent use.
type Store struct {
	// KV is etcd.
	KV clientv3.KV
	// Owner is true in etcd as long as the lock is held.
	Owner clientv3.Cmp
	// Prefix is that of the registry.
	Prefix string
	// Service is the service.
	Service catalog.ServiceName
}

// Set writes the status of an instance, up or down, into its value, if the instance is
// static, its status is another one of the two, and the lock is held. Nobody else's
// change is overwritten: it is read, and counts. Set reports whether it has written
// something. Errors are those of etcd.
func (s *Store) Set(ctx context.Context, id string, status catalog.Status) (bool, error) {
	for range attempts {
		written, unchanged, err := s.attempt(ctx, id, status)
		if err != nil || unchanged {
			return written, err
		}
	}
	return false, fmt.Errorf("%s/%s is changed by others all the time, or the lock is lost", s.Service, id)
}

// attempt is one try. It reports whether the instance was written, and whether there is
// nothing more to do: otherwise it was changed since it was read.
func (s *Store) attempt(ctx context.Context, id string, status catalog.Status) (written, done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	key := catalog.InstanceKey(s.Prefix, s.Service.Namespace, s.Service.Name, id)
	resp, err := s.KV.Get(ctx, key)
	if err != nil || len(resp.Kvs) == 0 || resp.Kvs[0].Lease != 0 {
		return false, true, err // gone, or somebody's who keeps its status
	}
	value := withStatus(id, resp.Kvs[0].Value, status)
	if value == nil {
		return false, true, nil
	}
	unchanged := clientv3.Compare(clientv3.ModRevision(key), "=", resp.Kvs[0].ModRevision)
	answer, err := s.KV.Txn(ctx).If(unchanged, s.Owner).Then(clientv3.OpPut(key, string(value))).Commit()
	if err != nil {
		return false, true, err
	}
	return answer.Succeeded, answer.Succeeded, nil
}

// withStatus returns the value of an instance with another status, and all else as it is,
// members that this version doesn't know included. It is nil where nothing is to be
// written: the status is that one, or neither up nor down, or no reader would serve the
// instance.
func withStatus(id string, value []byte, status catalog.Status) []byte {
	in, err := catalog.DecodeValue(id, value)
	if err != nil || !in.Static || in.Status == status || in.Status == catalog.StatusDraining {
		return nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(value, &members) != nil {
		return nil // not possible: it was decoded
	}
	members["status"] = json.RawMessage(`"` + status + `"`)
	changed, err := json.Marshal(members)
	if err != nil || len(changed) > catalog.MaxValueSize {
		return nil // not possible, or larger than it may be
	}
	return changed
}
