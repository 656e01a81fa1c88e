package roster

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// TestSelectionModel changes a service at random and compares what two blocks of
// different zones and settings, which share it, answer after each change with
// what is to be said by the plain rules.
func TestSelectionModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	store := emptyStore()
	reg := inState(store, mirror.Live)
	blocks := map[string]*Roster{
		"svc.internal.": servingRegistry(t, "roster", reg),
		"example.org.":  servingRegistry(t, "roster example.org {\n ttl 20\n min_ttl 3\n max_ttl 30\n}", reg),
	}
	model := modelService{}
	for revision := int64(1); revision <= 400; revision++ {
		id := fmt.Sprintf("%s%d", strings.Repeat("i", rng.IntN(3)), rng.IntN(4))
		event := mirror.Event{Key: "default/s/" + id, ModRevision: revision, Lease: 1, Deleted: rng.IntN(4) == 0}
		if event.Deleted {
			delete(model, id)
		} else {
			value := randomValue(rng)
			in, err := catalog.DecodeValue(id, []byte(value))
			if err != nil {
				t.Fatalf("%s: %v", value, err)
			}
			event.Value, model[id] = []byte(value), in
		}
		apply(store, revision, event)
		if len(model) == 0 {
			continue
		}
		for zone, r := range blocks {
			r.upstream = found(t, dns.RcodeRefused, nil, nil)
			for _, question := range []string{
				"s A", "s AAAA", "s SRV", "_p0._tcp.s SRV", "_p1._udp.s SRV", "_1._tcp.s SRV", "_2._udp.s SRV", "_3._tcp.s SRV", "_tcp.s SRV",
			} {
				relative, rrtype, _ := strings.Cut(question, " ")
				owner := relative + ".default." + zone
				got := ask(t, r, query(owner+" "+rrtype), true)
				want, exists := model.answer(relative, dns.StringToType[rrtype], owner, zone, r.ttls)
				if texts := texts(got.Answer); !slices.Equal(texts, want) || exists != (got.Rcode == dns.RcodeSuccess) {
					t.Fatalf("seed %d, revision %d: %s %s of %+v: %s\n%s\nwant\n%s", seed, revision, owner, rrtype, model,
						dns.RcodeToString[got.Rcode], strings.Join(texts, "\n"), strings.Join(want, "\n"))
				}
			}
		}
	}
}

// randomValue returns an instance of few choices, so that much is equal.
func randomValue(rng *rand.Rand) string {
	where := fmt.Sprintf(`"host":"h%d.example.com"`, rng.IntN(2))
	if rng.IntN(3) > 0 {
		where = fmt.Sprintf(`"addresses":["10.0.0.%d","10.0.0.%d","2001:db8::%d"]`, rng.IntN(3), rng.IntN(3), 1+rng.IntN(3))
	}
	var ports []string
	for i := range rng.IntN(3) {
		ports = append(ports, fmt.Sprintf(`{"name":"p%d","port":%d,"protocol":"%s"}`, i, 1+rng.IntN(2), []string{"tcp", "udp"}[rng.IntN(2)]))
	}
	if rng.IntN(3) == 0 {
		ports = append(ports, `{"port":2}`)
	}
	return fmt.Sprintf(`{%s,"ports":[%s],"priority":%d,"ttl":%d,"status":"%s"}`, where, strings.Join(ports, ","),
		rng.IntN(2), []int{0, 1, 10, 40}[rng.IntN(4)], []string{"up", "up", "up", "draining", "down"}[rng.IntN(5)])
}

// modelService holds the instances of default/s by ID.
type modelService map[string]catalog.Instance

// answer returns the answer section in presentation form, sorted, and whether
// the name exists.
func (m modelService) answer(relative string, rrtype uint16, owner, zone string, settings ttls) (lines []string, exists bool) {
	up := slices.DeleteFunc(slices.Collect(maps.Values(m)), func(in catalog.Instance) bool { return in.Status != catalog.StatusUp })
	labels := strings.Split(relative, ".")
	if relative == "s" && len(up) == 1 && up[0].Host != "" {
		return []string{fmt.Sprintf("%s\t%d\tIN\tCNAME\t%s.", owner, settings.of(&up[0]), up[0].Host)}, true
	}
	exists = relative == "s"
	ttl := ^uint32(0)
	data := map[string]bool{}
	if rrtype == dns.TypeSRV {
		for _, in := range m {
			for _, p := range in.Ports {
				if relative != "s" && !asks(labels, p) {
					continue
				}
				exists = true
				if in.Status == catalog.StatusUp && len(labels) != 2 { // a protocol alone has no records
					target := cmp.Or(in.Host, in.ID+".s.default."+strings.TrimSuffix(zone, "."))
					data[fmt.Sprintf("%d %d %d %s.", in.Priority, in.Weight, p.Port, target)] = true
					ttl = min(ttl, settings.of(&in))
				}
			}
		}
	} else {
		for _, in := range up {
			better := func(other catalog.Instance) bool { return other.Host == "" && other.Priority < in.Priority }
			if slices.ContainsFunc(up, better) {
				continue
			}
			for _, a := range in.Addresses {
				if a.Is4() == (rrtype == dns.TypeA) {
					data[a.String()] = true
					ttl = min(ttl, settings.of(&in))
				}
			}
		}
	}
	for d := range data {
		lines = append(lines, fmt.Sprintf("%s\t%d\tIN\t%s\t%s", owner, ttl, dns.TypeToString[rrtype], d))
	}
	slices.Sort(lines)
	return lines, exists
}

// asks reports whether the labels before a service ask for a port.
func asks(labels []string, p catalog.Port) bool {
	if len(labels) == 2 {
		return labels[0] == "_"+p.Protocol
	}
	return labels[1] == "_"+p.Protocol && (labels[0] == "_"+p.Name || labels[0] == fmt.Sprintf("_%d", p.Port))
}

// TestWithin checks that targets are left out by the length of their targets, whatever
// the order of IDs is.
func TestWithin(t *testing.T) {
	t.Parallel()
	vs := values{"n/s/host": `{"host":"a-long-name.example.com","ports":[{"port":80}]}`}
	for _, id := range []string{"aaaaa", "b", "ccc", "dd", "eeeee"} {
		vs["n/s/"+id] = `{"addresses":["10.0.0.1"],"ports":[{"port":80}]}`
	}
	all := servedOf(storeOf(t, vs).Load().Service("n", "s")).whole().srvSet()
	for octets, want := range map[int]string{
		-1: "[host]", 0: "[host]", 1: "[host b]", 2: "[host b dd]", 4: "[host b dd ccc]", 5: "[aaaaa b ccc dd eeeee host]", 63: "[aaaaa b ccc dd eeeee host]",
	} {
		ids := []string{}
		for _, o := range all.within(octets).list {
			ids = append(ids, o.ID)
		}
		if got := fmt.Sprint(ids); got != want {
			t.Errorf("within %d octets: %s, want %s", octets, got, want)
		}
	}
}

// TestSelectionFirstUse checks that queries that come at once, while the service
// changes, each get an answer of one version.
func TestSelectionFirstUse(t *testing.T) {
	t.Parallel()
	store := emptyStore()
	r := servingRegistry(t, "roster", inState(store, mirror.Live))
	value := func(revision int64) []byte {
		return fmt.Appendf(nil, `{"addresses":["10.0.0.1","10.0.0.2"],"ports":[{"port":1},{"port":2,"name":"b"}],"ttl":%d}`, revision)
	}
	change := func(revision int64) {
		apply(store, revision, mirror.Event{Key: "n/s/a", Value: value(revision), ModRevision: revision, Lease: 1})
	}
	change(1)
	var wg sync.WaitGroup
	for _, rrtype := range []string{"A", "SRV", "A", "SRV"} {
		wg.Go(func() {
			for last := uint32(0); last < 200; {
				got := ask(t, r, query("s.n.svc.internal. "+rrtype), true)
				if len(got.Answer) != 2 || got.Answer[0].Header().Ttl != got.Answer[1].Header().Ttl || got.Answer[0].Header().Ttl < last {
					t.Errorf("after TTL %d: %v", last, got)
					return
				}
				last = got.Answer[0].Header().Ttl
			}
		})
	}
	for revision := int64(2); revision <= 200; revision++ {
		change(revision)
	}
	wg.Wait()
}
