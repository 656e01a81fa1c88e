package roster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
)

// zoneCopy is the copy of a zone that a secondary has: its records but for SOA.
type zoneCopy struct {
	serial  uint32
	records map[string]bool
}

// transferred returns the records that a block sends to a secondary with a serial; 0
// is for none.
func transferred(t *testing.T, r *Roster, zone string, serial uint32) (records []dns.RR) {
	t.Helper()
	ch, err := r.Transfer(zone, serial)
	if err != nil {
		t.Fatal(err)
	}
	for batch := range ch {
		records = append(records, batch...)
	}
	return records
}

// update makes the copy what a primary says, as secondaries do: strictly.
func (z *zoneCopy) update(records []dns.RR) error {
	first, ok := records[0].(*dns.SOA)
	if !ok {
		return fmt.Errorf("the first record is %v", records[0])
	}
	if len(records) == 1 {
		if first.Serial != z.serial {
			return fmt.Errorf("nothing but SOA with serial %d, not %d", first.Serial, z.serial)
		}
		return nil
	}
	if last := records[len(records)-1]; last.String() != first.String() {
		return fmt.Errorf("begins with %v and ends with %v", first, last)
	}
	remove := false
	if soa, ok := records[1].(*dns.SOA); !ok || len(records) == 2 {
		z.records = map[string]bool{}
	} else {
		if soa.Serial != z.serial {
			return fmt.Errorf("is a difference from %d, not %d", soa.Serial, z.serial)
		}
		remove = true
		records = records[1:]
	}
	z.serial = first.Serial
	for _, rr := range records[1 : len(records)-1] {
		switch rr := rr.(type) {
		case *dns.SOA:
			if !remove || rr.Serial != z.serial {
				return fmt.Errorf("%v in the middle", rr)
			}
			remove = false
			continue
		}
		text := rr.String()
		if z.records[text] != remove {
			return fmt.Errorf("removed %v, there already %v: %s", remove, z.records[text], text)
		}
		if remove {
			delete(z.records, text)
		} else {
			z.records[text] = true
		}
	}
	if remove {
		return fmt.Errorf("a difference without what is added")
	}
	return nil
}

// inZone are the records of the model that a transfer has: without SOA, selectors and
// other zones.
func (m modelRecords) inZone(zone string) map[string]bool {
	out := map[string]bool{}
	for name, sets := range m {
		if !dns.IsSubDomain(zone, name) || strings.Contains(name, "_tag.") || strings.Contains(name, "_zone.") {
			continue
		}
		for rrtype, set := range sets {
			for data := range set.data {
				if rrtype != "SOA" {
					out[fmt.Sprintf("%s\t%d\tIN\t%s\t%s", name, set.ttl, rrtype, data)] = true
				}
			}
		}
	}
	return out
}

func differing(got, want map[string]bool) string {
	var lines []string
	for l := range got {
		if !want[l] {
			lines = append(lines, "+"+l)
		}
	}
	for l := range want {
		if !got[l] {
			lines = append(lines, "-"+l)
		}
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[1:], b[1:]) })
	return strings.Join(lines, "\n")
}

// TestTransferModel changes a registry at random. After each change it compares whole
// transfers with the model, and the copies of secondaries that have asked some changes
// before, now and then, and go on with differences.
func TestTransferModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	store, vs := emptyStore(), values{}
	type secondary struct {
		*Roster
		filter, zone string
		often        int
	}
	copies := map[*secondary]*zoneCopy{}
	for filter, directive := range map[string]string{"": "", modelDenied: "deny_net " + modelDenied} {
		// What only answers have doesn't matter.
		r := servingRegistry(t, modelBlock+" {\nmax_answers 1\nlocality 0.0.0.0/0 l0\n"+directive+"\n}", inState(store, mirror.Live))
		for _, zone := range modelZones {
			for often := 1; often <= 8; often *= 2 {
				copies[&secondary{r, filter, zone, often}] = new(zoneCopy)
			}
		}
	}
	differences := 0
	for round := range 60 {
		apply(store, int64(round+1), changeModel(rng, vs, int64(round+1))...)
		models := map[string]modelRecords{}
		for _, filter := range []string{"", modelDenied} {
			models[filter] = decodeModel(t, vs, filter).write(store.Load().Serial())
		}
		for s, z := range copies {
			if rng.IntN(s.often) > 0 {
				continue
			}
			fail := func(format string, args ...any) {
				t.Helper()
				t.Fatalf("seed %d, round %d, %s without %q from %d: %s\n%s", seed, round, s.zone, s.filter, z.serial, fmt.Sprintf(format, args...), show(vs))
			}
			want := models[s.filter].inZone(s.zone)
			whole := new(zoneCopy)
			if err := whole.update(transferred(t, s.Roster, s.zone, 0)); err != nil {
				fail("whole: %v", err)
			}
			if d := differing(whole.records, want); d != "" {
				fail("the transfer differs by\n%s", d)
			}
			had := z.serial
			records := transferred(t, s.Roster, s.zone, had)
			if _, incremental := records[1%len(records)].(*dns.SOA); incremental && had != 0 {
				differences++
			} else if had != 0 {
				fail("no difference")
			}
			if err := z.update(records); err != nil {
				fail("difference: %v", err)
			}
			if d := differing(z.records, want); d != "" || z.serial != store.Load().Serial() {
				fail("the secondary's copy with serial %d differs by\n%s", z.serial, d)
			}
		}
	}
	if differences < 200 {
		t.Errorf("%d differences", differences)
	}
}

// TestTransferAnswers compares a transfer with the answers for each name and type that
// it has, and for those that it lacks.
func TestTransferAnswers(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	store, vs := emptyStore(), values{}
	r := servingRegistry(t, modelBlock, inState(store, mirror.Live))
	r.upstream = found(t, dns.RcodeRefused, nil, nil)
	for round := range 10 {
		apply(store, int64(round+1), changeModel(rng, vs, int64(round+1))...)
		for _, zone := range []string{modelZone, modelReverse, modelOne} {
			sets := map[string][]string{} // by name and type
			names := map[string]bool{}
			for _, rr := range transferred(t, r, zone, 0)[1:] {
				key := rr.Header().Name + " " + dns.TypeToString[rr.Header().Rrtype]
				sets[key] = append(sets[key], rr.String())
				names[rr.Header().Name] = true
			}
			for name := range names {
				for _, rrtype := range transferTypes {
					question := name + " " + dns.TypeToString[rrtype]
					want := slices.Concat(sets[name+" CNAME"], sets[question])
					slices.Sort(want)
					if got := texts(ask(t, r, query(question), true).Answer); !slices.Equal(got, want) {
						t.Fatalf("seed %d, round %d: the answer to %s is\n%s\nthe transfer has\n%s", seed, round, question, strings.Join(got, "\n"), strings.Join(want, "\n"))
					}
				}
			}
		}
	}
}
