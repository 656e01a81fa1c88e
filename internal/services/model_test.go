package services

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// TestModel applies random commits to a Store and to a map of keys, and compares
// what the Store serves with what the map says. A seed that fails is printed.
func TestModel(t *testing.T) {
	t.Parallel()
	first := rand.Uint64()
	for i := range uint64(10) {
		seed := first + i
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			runModel(t, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

func runModel(t *testing.T, rng *rand.Rand) {
	s, _ := newStore(t)
	s.IndexAddresses()
	m := model{}
	// Each namespace has a stage of its own, which stays open for a while.
	stages := map[string]mirror.Stage{}
	staged := map[string][]mirror.Event{}
	subscriber := newReplay(s)
	revision := int64(1)
	for i := range 300 {
		namespace := fmt.Sprintf("n%d", rng.IntN(3))
		if stages[namespace] == nil {
			stages[namespace] = s.Stage()
		}
		for range rng.IntN(6) {
			revision++
			ev := randomEvent(rng, namespace, revision)
			stageAll(stages[namespace], []mirror.Event{ev})
			staged[namespace] = append(staged[namespace], ev)
		}
		if rng.IntN(3) > 0 {
			c := mirror.Commit{Revision: revision}
			if rng.IntN(20) == 0 {
				revision = max(1, revision-rng.Int64N(20))
				c = mirror.Commit{Revision: revision, Regressed: true}
			}
			stages[namespace].Commit(c)
			m.apply(staged[namespace])
			stages[namespace], staged[namespace] = nil, nil
		}
		if err := modelErr(rng, s.Load(), m, subscriber); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
}

// modelErr returns where a generation, or what a subscriber that reads now and
// then knows of it, differs from the model.
func modelErr(rng *rand.Rand, g *Generation, m model, subscriber *replay) error {
	if err := check(g); err != nil {
		return err
	}
	if err := checkIndexes(g); err != nil {
		return err
	}
	if got, want := withoutRevisions(show(g)), m.show(); !slices.Equal(got, want) {
		return fmt.Errorf("served\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if rng.IntN(4) > 0 {
		return nil
	}
	if err := subscriber.read(); err != nil {
		return err
	}
	if subscriber.resets > 1 {
		return fmt.Errorf("the subscriber was reset %d times", subscriber.resets-1)
	}
	return subscriber.equals(g)
}

func randomEvent(rng *rand.Rand, namespace string, revision int64) mirror.Event {
	service := fmt.Sprintf("%s/s%d", namespace, rng.IntN(3))
	id := fmt.Sprintf("i%d", rng.IntN(5))
	key := service + "/" + id
	switch rng.IntN(6) {
	case 0, 1:
		key = service + "/_status/" + id
	case 2:
		if key = service + "/_policy"; rng.IntN(3) > 0 {
			return put(revision, key, randomPolicy(rng))
		}
	}
	status := []string{"up", "draining", "down", "odd"}[rng.IntN(4)]
	switch rng.IntN(8) {
	case 0, 1, 2:
		return del(revision, key)
	case 3:
		return put(revision, key, "bad")
	case 4:
		return putWithoutLease(revision, key, randomValue(rng, status, ""))
	case 5:
		return putWithoutLease(revision, key, randomValue(rng, status, `,"static":true`))
	default:
		return put(revision, key, randomValue(rng, status, ""))
	}
}

// randomValue is an instance with some of a few addresses and ports, and of a
// policy one that says nothing.
func randomValue(rng *rand.Rand, status, more string) string {
	addresses := []string{`"10.0.0.1"`, `"10.0.0.2"`, `"2001:db8::1"`, `"10.0.0.1","10.0.0.1"`, `"2001:db8::2","10.0.0.3"`}
	ports := []string{
		``, `{"port":80}`, `{"name":"http","port":80}`, `{"name":"http","port":80},{"name":"dns","port":53,"protocol":"udp"}`,
		`{"name":"dns","port":53,"protocol":"udp"}`,
		`{"name":"dns","port":53},{"name":"dns","port":53,"protocol":"udp"},{"name":"http","port":81}`,
	}
	return fmt.Sprintf(`{"addresses":[%s],"ports":[%s],"weight":%d,"status":"%s"%s}`,
		addresses[rng.IntN(len(addresses))], ports[rng.IntN(len(ports))], 1+rng.IntN(99), status, more)
}

func randomPolicy(rng *rand.Rand) string {
	name := func() string { return fmt.Sprintf("n%d/s%d", rng.IntN(3), rng.IntN(4)) }
	return []string{
		`{"ttl":9}`, `{"min_up":2}`, `{"alias":"` + name() + `"}`, `{"failover":["` + name() + `"]}`,
		`{"failover":["` + name() + `","n9/s"],"min_up":1}`, `{"alias":"` + name() + `","failover":["n1/s1","n2/s0"]}`,
	}[rng.IntN(6)]
}

// model is the present value of each key, and whether it has a lease.
type model map[string]mirror.Event

func (m model) apply(events []mirror.Event) {
	for _, ev := range events {
		if ev.Deleted {
			delete(m, ev.Key)
		} else {
			m[ev.Key] = ev
		}
	}
}

// show says what is to be served, as show does, by the rules of the catalog
// rather than by steps.
func (m model) show() []string {
	lines := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if strings.Contains(key, "/_") {
			continue
		}
		ev := m[key]
		dir, id := key[:strings.LastIndex(key, "/")], key[strings.LastIndex(key, "/")+1:]
		in, err := catalog.DecodeValue(id, ev.Value)
		if err != nil || ev.Lease == 0 && !in.Static {
			continue
		}
		if over, ok := m[dir+"/_status/"+id]; ok {
			o, err := catalog.DecodeOverride(over.Value)
			if err != nil {
				o.Status = catalog.StatusDown
			}
			in.Status = in.Status.Worse(o.Status)
		}
		lines[dir] += fmt.Sprintf(" %s=%d/%s", in.ID, in.Weight, in.Status)
	}
	for key, ev := range m {
		dir, ok := strings.CutSuffix(key, "/_policy")
		if p := policyOf(dir, ev.Value); ok && p != nil && (lines[dir] != "" || p.Redirects()) {
			lines[dir] += " " + string(p.EncodeValue())
		}
	}
	var out []string
	for _, dir := range slices.Sorted(maps.Keys(lines)) {
		out = append(out, dir+":"+lines[dir])
	}
	return out
}

// policyOf reads a policy of a service; nil if it can't be read, or leads to the
// service itself.
func policyOf(service string, value []byte) *catalog.Policy {
	p, err := catalog.DecodePolicy(value)
	if err != nil || p.Alias.String() == service || slices.ContainsFunc(p.Failover, func(n catalog.ServiceName) bool { return n.String() == service }) {
		return nil
	}
	return &p
}

func withoutRevisions(lines []string) (out []string) {
	for _, l := range lines {
		name, rest, _ := strings.Cut(l, "@")
		_, instances, _ := strings.Cut(rest, ":")
		out = append(out, name+":"+instances)
	}
	return out
}
