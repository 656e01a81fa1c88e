package writer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

// TestModel registers and unregisters at random while etcd is at fault at random.
// Once it is not any more, etcd has what is registered, and nothing else.
func TestModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &model{world: newWorld(t), rand: rand.New(rand.NewPCG(seed, 1)), desired: map[string]registrar.Instance{}}
				if seed%2 == 1 {
					m.crowd(t)
				}
				for i := range 80 {
					if m.step(t); i%20 == 19 {
						m.recover(t) // sooner than stragglerLimit
					}
					time.Sleep(time.Duration(m.rand.IntN(3000)) * time.Millisecond)
				}
				m.recover(t)
				time.Sleep(2 * auditEvery)
				m.check(t)
			})
		})
	}
}

// model is what a program has asked for.
type model struct {
	*world
	rand    *rand.Rand
	desired map[string]registrar.Instance // by ID
}

// crowd registers more instances of the service than are followed one by one.
func (m *model) crowd(t *testing.T) {
	t.Helper()
	for _, id := range numbered(maxSingly + 1) {
		s := orders("one-of-many-" + id)
		s.Instances[0].Weight, s.Instances[0].Static = 1, m.rand.IntN(3) == 0
		m.register(t, s)
		m.desired[s.Instances[0].ID] = s.Instances[0]
	}
}

// step asks for something, or has something happen.
func (m *model) step(t *testing.T) {
	t.Helper()
	id := fmt.Sprintf("i%d", m.rand.IntN(6))
	switch m.rand.IntN(14) {
	case 0, 1, 2, 3:
		s := orders(id)
		s.Instances[0].Weight, s.Instances[0].Static = uint16(1+m.rand.IntN(1000)), m.rand.IntN(3) == 0
		m.register(t, s)
		m.desired[id] = s.Instances[0]
	case 4, 5:
		if err := m.client.Unregister(t.Context(), orders(id)); err != nil {
			t.Fatal(err)
		}
		delete(m.desired, id)
	case 6:
		m.Set(func(f *faulty.Faults) { f.State, f.Record = faulty.Hung, true })
	case 7:
		m.Set(func(f *faulty.Faults) { f.LoseAnswers = true })
	case 8:
		m.BreakStreams()
	case 9:
		m.Expire(m.leaseOf(root + "default/orders/" + id))
	case 10:
		m.Delete(root + "default/orders/" + id)
	case 11:
		m.restart(nil, m.rand.Int64N(2*m.Revision())+1)
	default:
		m.recover(t)
	}
}

// recover ends all faults, and has etcd carry out what it was asked meanwhile.
func (m *model) recover(t *testing.T) {
	t.Helper()
	m.Set(func(f *faulty.Faults) { *f = faulty.Faults{} })
	for _, r := range m.Unanswered() {
		_, _ = m.Store.Txn(t.Context(), r) // its lease can be gone
	}
}

func (m *model) check(t *testing.T) {
	t.Helper()
	for _, kv := range m.Keys() {
		id := strings.TrimPrefix(string(kv.Key), root+"default/orders/")
		in, desired := m.desired[id]
		if !desired || (kv.Lease == 0) != in.Static || !strings.Contains(string(kv.Value), fmt.Sprintf(`"weight":%d,`, in.Weight)) {
			t.Errorf("etcd has %s under lease %d: %s; desired: %v, %+v", id, kv.Lease, kv.Value, desired, in)
		}
	}
	if m.Len() != len(m.desired) || len(m.client.Status()) != len(m.desired) {
		t.Errorf("etcd has %d instances, Status tells of %d, want %d", m.Len(), len(m.client.Status()), len(m.desired))
	}
	for id := range m.desired {
		wantState(t, m.client, id, registrar.StateRegistered, nil)
	}
}
