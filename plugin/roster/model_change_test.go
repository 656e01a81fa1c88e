package roster

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// TestModelWhileChanging asks while the registry changes all the time: each answer is,
// as a whole, the model's of a registry that there was between the question and the
// answer.
func TestModelWhileChanging(t *testing.T) {
	t.Parallel()
	const registries, queries = 20, 50_000
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	filters := map[string]string{"": "", modelDenied: "deny_net " + modelDenied}
	contents := make([]values, registries) // that of revision i is i % registries
	models := make([]map[string]modelRecords, registries)
	names := make([][]string, registries)
	for i := range contents {
		contents[i], models[i] = randomRegistry(rng), map[string]modelRecords{}
		for filter := range filters {
			models[i][filter] = decodeModel(t, contents[i], filter).write(0)
		}
		names[i] = slices.Sorted(maps.Keys(models[i][""]))
	}
	store := emptyStore()
	replace(store, 1, nil, contents[1])
	blocks := map[string]*Roster{}
	for filter, directive := range filters {
		blocks[filter] = servingRegistry(t, modelBlock+" {\n"+directive+"\n}", inState(store, mirror.Live))
		blocks[filter].upstream = found(t, dns.RcodeRefused, nil, nil)
	}

	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for revision := int64(2); ; revision++ {
			select {
			case <-stop:
				return
			default:
				replace(store, revision, contents[(revision-1)%registries], contents[revision%registries])
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	during := 0
	for i := range queries {
		filter := []string{"", modelDenied}[i%2]
		from := store.Load().Revision()
		name, rrtype := modelQuestion(rng, names[from%registries])
		got := ask(t, blocks[filter], query(name+" "+rrtype), true)
		to := store.Load().Revision()
		if serial := takeSerial(got); serial != 0 && (serial < from || serial > to) {
			t.Errorf("%s %s: serial %d, want one from %d to %d", name, rrtype, serial, from, to)
		}
		differs := ""
		for at := from; at <= to; at++ {
			if differs = models[at%registries][filter].compare(got, name, rrtype); differs == "" {
				break
			}
		}
		if differs != "" {
			t.Fatalf("seed %d, revisions %d to %d, without %q: %s %s: %s", seed, from, to, filter, name, rrtype, differs)
		}
		if from != to {
			during++
		}
	}
	t.Logf("seed %d: %d queries, %d of them while one of %d changes was made", seed, queries, during, store.Load().Revision())
}

// replace makes the values of a registry others in one commit.
func replace(store *services.Store, revision int64, before, after values) {
	var events []mirror.Event
	for key := range before {
		if _, again := after[key]; !again {
			events = append(events, mirror.Event{Key: key, Deleted: true, ModRevision: revision})
		}
	}
	for key, value := range after {
		events = append(events, mirror.Event{Key: key, Value: []byte(value), ModRevision: revision, Lease: 1})
	}
	apply(store, revision, events...)
}

// takeSerial returns the serial in an answer's SOA record, if it has one, and makes it
// the model's.
func takeSerial(m *dns.Msg) (serial int64) {
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		if soa, ok := rr.(*dns.SOA); ok {
			serial, soa.Serial = int64(soa.Serial), 0
		}
	}
	return serial
}
