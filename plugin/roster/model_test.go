package roster

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// The model is the zones of a registry written out, record by record, as the
// documentation has it: what a query gets is what is written at its name.

const (
	modelZone    = "svc.internal."
	modelReverse = "10.in-addr.arpa."
	modelSix     = "8.b.d.0.1.0.0.2.ip6.arpa."
	modelOne     = "1.2.0.192.in-addr.arpa." // whose own name is an address's
	modelTTL     = 5

	modelBlock = "roster 10.0.0.0/8 svc.internal 2001:db8::/32 192.0.2.1/32"
)

var modelZones = []string{modelZone, modelReverse, modelSix, modelOne}

// modelRegistry is a registry as its values say.
type modelRegistry map[catalog.ServiceName]*modelOf

type modelOf struct {
	name      catalog.ServiceName
	policy    catalog.Policy
	instances []catalog.Instance
}

// modelRecords are records by owner and type. Names without records exist too.
type modelRecords map[string]map[string]*modelSet

type modelSet struct {
	ttl  uint32
	data map[string]bool
}

// exists writes down that a name exists, and so those above it.
func (m modelRecords) exists(name string) {
	for m[name] == nil {
		m[name] = map[string]*modelSet{}
		if slices.Contains(modelZones, name) {
			return
		}
		_, name, _ = strings.Cut(name, ".")
	}
}

func (m modelRecords) add(name, rrtype string, ttl uint32, data string) {
	m.exists(name)
	set := m[name][rrtype]
	if set == nil {
		set = &modelSet{ttl, map[string]bool{}}
		m[name][rrtype] = set
	}
	set.ttl = min(set.ttl, ttl)
	set.data[data] = true
}

// modelDenied is a network that one of the blocks doesn't serve.
const modelDenied = "10.0.0.0/24"

// decodeModel returns a registry as it is without a network.
func decodeModel(t *testing.T, vs values, without string) modelRegistry {
	t.Helper()
	m := modelRegistry{}
	for key, value := range vs {
		parts := strings.Split(key, "/")
		name := catalog.ServiceName{Namespace: parts[0], Name: parts[1]}
		if m[name] == nil {
			m[name] = &modelOf{name: name}
		}
		var err error
		if parts[2] == "_policy" {
			m[name].policy, err = catalog.DecodePolicy([]byte(value))
		} else {
			var in catalog.Instance
			in, err = catalog.DecodeValue(parts[2], []byte(value))
			in.Addresses = slices.DeleteFunc(in.Addresses, func(a netip.Addr) bool {
				return without != "" && netip.MustParsePrefix(without).Contains(a)
			})
			if len(in.Addresses) > 0 || in.Host != "" {
				m[name].instances = append(m[name].instances, in)
			}
		}
		if err != nil {
			t.Fatalf("%s: %s: %v", key, value, err)
		}
	}
	maps.DeleteFunc(m, func(_ catalog.ServiceName, s *modelOf) bool {
		return len(s.instances) == 0 && s.policy.Alias.IsZero() && len(s.policy.Failover) == 0
	})
	return m
}

func (s *modelOf) ttl(in catalog.Instance) uint32 {
	return cmp.Or(in.TTL, s.policy.TTL, modelTTL)
}

func (s *modelOf) at() string { return s.name.Name + "." + s.name.Namespace + "." + modelZone }

// left are the instances that answer for a service by their status.
func (s *modelOf) left() []catalog.Instance {
	up := slices.DeleteFunc(slices.Clone(s.instances), func(in catalog.Instance) bool { return in.Status != catalog.StatusUp })
	if len(up) < s.policy.MinUp {
		return s.instances
	}
	return up
}

// answering is the service that answers for one.
func (m modelRegistry) answering(s *modelOf) *modelOf {
	first := s
	if !s.policy.Alias.IsZero() {
		first = m[s.policy.Alias]
	}
	if first == nil {
		first = &modelOf{name: s.policy.Alias}
	}
	if len(first.left()) > 0 {
		return first
	}
	for _, name := range s.policy.Failover {
		if other := m[name]; other != nil && len(other.left()) > 0 {
			return other
		}
	}
	return first
}

func target(of *modelOf, in catalog.Instance) string {
	if in.Host != "" {
		return in.Host + "."
	}
	return in.ID + "." + of.at()
}

func srvData(of *modelOf, in catalog.Instance, p catalog.Port) string {
	return fmt.Sprintf("%d %d %d %s", in.Priority, in.Weight, p.Port, target(of, in))
}

func txtData(in catalog.Instance) string {
	var pairs []string
	for k, v := range in.Metadata {
		pairs = append(pairs, `"`+k+"="+v+`"`)
	}
	if pairs == nil {
		return `""`
	}
	slices.Sort(pairs)
	return strings.Join(pairs, " ")
}

// svcbData is the data of an SVCB record; port -1 is the one that fits best.
func svcbData(of *modelOf, in catalog.Instance, port int) string {
	data := fmt.Sprintf("%d %s alpn=%q", min(1+int(in.Priority), 65535), target(of, in), in.Metadata["alpn"])
	if !slices.Contains(strings.Split(in.Metadata["alpn"], ","), "http/1.1") {
		data += ` no-default-alpn=""`
	}
	for _, wanted := range []string{"https tcp", "https udp", "http tcp", "http udp", " tcp"} {
		for _, p := range in.Ports {
			if port < 0 && (wanted == p.Name+" "+p.Protocol || wanted == " tcp" && p.Protocol == "tcp") {
				port = int(p.Port)
			}
		}
	}
	if port > 0 {
		data += fmt.Sprintf(` port="%d"`, port)
	}
	var v4, v6 []string
	for _, a := range in.Addresses {
		if list := &v4; a.Is4() && !slices.Contains(*list, a.String()) {
			*list = append(*list, a.String())
		} else if list := &v6; a.Is6() && !slices.Contains(*list, a.String()) {
			*list = append(*list, a.String())
		}
	}
	if v4 != nil {
		data += ` ipv4hint="` + strings.Join(v4, ",") + `"`
	}
	if v6 != nil {
		data += ` ipv6hint="` + strings.Join(v6, ",") + `"`
	}
	return data
}

func addressType2(a netip.Addr) string {
	if a.Is4() {
		return "A"
	}
	return "AAAA"
}

// write writes down all zones.
func (m modelRegistry) write(serial uint32) modelRecords {
	out := modelRecords{}
	for _, zone := range modelZones {
		out.add(zone, "SOA", modelTTL, fmt.Sprintf("ns.dns.svc.internal. hostmaster.svc.internal. %d 7200 1800 86400 5", serial))
		out.add(zone, "NS", modelTTL, "ns.dns.svc.internal.")
	}
	out.add("ns.dns."+modelZone, "A", modelTTL, "192.0.2.53")
	out.add("ns.dns."+modelZone, "AAAA", modelTTL, "2001:db8::53")
	for _, s := range m {
		namespace := s.name.Namespace + "." + modelZone
		for _, label := range []string{"b", "db", "lb"} {
			out.add(label+"._dns-sd._udp."+namespace, "PTR", modelTTL, namespace)
		}
		out.exists("_services._dns-sd._udp." + namespace)
		out.exists("_services._dns-sd._udp." + s.at())
		m.writeSelections(out, s)
		s.writeOwn(out)
	}
	return out
}

// writeOwn writes down the instances of a service, and DNS-SD.
func (s *modelOf) writeOwn(out modelRecords) {
	namespace := s.name.Namespace + "." + modelZone
	lowest := uint32(1 << 31)
	for _, in := range s.instances {
		lowest = min(lowest, s.ttl(in))
	}
	for _, in := range s.instances {
		own := in.ID + "." + s.at()
		ttl := s.ttl(in)
		out.exists(own)
		for _, a := range in.Addresses {
			out.add(own, addressType2(a), ttl, a.String())
			reverse, err := dns.ReverseAddr(a.String())
			if err == nil && slices.ContainsFunc(modelZones, func(zone string) bool { return dns.IsSubDomain(zone, reverse) }) {
				out.add(reverse, "PTR", ttl, own)
			}
		}
		if in.Host != "" {
			out.add(own, "CNAME", ttl, in.Host+".")
		} else {
			out.add(own, "TXT", ttl, txtData(in))
			if in.Metadata["alpn"] != "" {
				out.add(own, "SVCB", ttl, svcbData(s, in, -1))
				out.add(own, "HTTPS", ttl, svcbData(s, in, -1))
			}
		}
		answers := slices.ContainsFunc(s.left(), func(other catalog.Instance) bool { return other.ID == in.ID })
		for _, p := range in.Ports {
			if in.Host == "" {
				out.add(own, "SRV", ttl, srvData(s, in, p))
			}
			if p.Name == "" {
				continue
			}
			port := "_" + p.Name + "._" + p.Protocol + "."
			out.add(in.ID+"."+port+s.at(), "SRV", ttl, srvData(s, in, p))
			out.add(in.ID+"."+port+s.at(), "TXT", ttl, txtData(in))
			out.add("_services._dns-sd._udp."+s.at(), "PTR", lowest, port+s.at())
			out.add("_services._dns-sd._udp."+namespace, "PTR", modelTTL, port+namespace)
			out.add(port+namespace, "PTR", modelTTL, s.name.Name+"."+port+namespace)
			out.add(s.name.Name+"."+port+namespace, "TXT", modelTTL, `""`)
			if answers {
				out.add(port+s.at(), "PTR", lowest, in.ID+"."+port+s.at())
				out.add(s.name.Name+"."+port+namespace, "SRV", ttl, srvData(s, in, p))
			}
		}
	}
}

// modelSelectors are selectors with whom they select, but for the preference.
func modelSelectors() map[string]func([]catalog.Instance) []catalog.Instance {
	out := map[string]func([]catalog.Instance) []catalog.Instance{}
	tagged := func(in catalog.Instance, tags []string) bool {
		return !slices.ContainsFunc(tags, func(tag string) bool { return !slices.Contains(in.Tags, tag) })
	}
	for _, tags := range [][]string{nil, {"t0"}, {"t1"}, {"t2"}, {"t0", "t1"}, {"t1", "t0"}, {"t0", "t0", "t0", "t1"}} {
		labels := ""
		for _, tag := range tags {
			labels += tag + "._tag."
		}
		for _, locality := range []string{"", "l0.pin._zone.", "l1.pin._zone.", "l2.pin._zone.", "l0.prefer._zone.", "l1.prefer._zone.", "l2.prefer._zone."} {
			place, mode, _ := strings.Cut(locality, ".")
			out[labels+locality] = func(list []catalog.Instance) (selected []catalog.Instance) {
				near := slices.ContainsFunc(list, func(in catalog.Instance) bool { return tagged(in, tags) && in.Locality == place })
				for _, in := range list {
					local := locality == "" || in.Locality == place || mode == "prefer._zone." && !near
					if tagged(in, tags) && local {
						selected = append(selected, in)
					}
				}
				return selected
			}
		}
	}
	return out
}

// writeSelections writes down what a service answers as a whole and by selectors.
func (m modelRegistry) writeSelections(out modelRecords, s *modelOf) {
	of := m.answering(s)
	for selector, selects := range modelSelectors() {
		name := selector + s.at()
		out.exists(name)
		m.writeSelection(out, s, of, name, selects(of.left()))
		for _, in := range of.instances {
			for _, p := range in.Ports {
				has := func(same func(catalog.Port) bool) (list []catalog.Instance) {
					for _, other := range of.left() {
						if slices.ContainsFunc(other.Ports, same) {
							list = append(list, other)
						}
					}
					return selects(list)
				}
				for _, label := range []string{p.Name, fmt.Sprint(p.Port)} {
					if label == "" {
						continue
					}
					same := func(other catalog.Port) bool {
						return other.Protocol == p.Protocol && (label == other.Name || label == fmt.Sprint(other.Port))
					}
					port := "_" + label + "._" + p.Protocol + "." + name
					out.exists(port)
					for _, other := range has(same) {
						for _, q := range other.Ports {
							if same(q) {
								out.add(port, "SRV", s.ttl(other), srvData(of, other, q))
							}
						}
					}
				}
				if selector == "" {
					https := fmt.Sprintf("_%d._https.", p.Port) + name
					out.exists(https)
					for _, other := range has(func(other catalog.Port) bool { return other.Port == p.Port }) {
						if other.Metadata["alpn"] != "" {
							out.add(https, "HTTPS", s.ttl(other), svcbData(of, other, int(p.Port)))
						}
					}
				}
			}
		}
	}
}

func (m modelRegistry) writeSelection(out modelRecords, s, of *modelOf, name string, selected []catalog.Instance) {
	if len(selected) == 1 && selected[0].Host != "" {
		out.add(name, "CNAME", s.ttl(selected[0]), selected[0].Host+".")
		return
	}
	preferred := modelPriority(selected)
	for _, in := range selected {
		for _, a := range in.Addresses {
			if int(in.Priority) == preferred {
				out.add(name, addressType2(a), s.ttl(in), a.String())
			}
		}
		for _, p := range in.Ports {
			out.add(name, "SRV", s.ttl(in), srvData(of, in, p))
		}
		if in.Metadata["alpn"] != "" {
			out.add(name, "SVCB", s.ttl(in), svcbData(of, in, -1))
			out.add(name, "HTTPS", s.ttl(in), svcbData(of, in, -1))
		}
	}
}

// modelPriority returns the priority value whose addresses answer: the lowest of those
// who are up, or of all where nobody is.
func modelPriority(selected []catalog.Instance) int {
	lowest := 1 << 16
	for _, status := range []bool{true, false} {
		for _, in := range selected {
			if in.Host == "" && (in.Status == catalog.StatusUp) == status {
				lowest = min(lowest, int(in.Priority))
			}
		}
		if lowest < 1<<16 {
			break
		}
	}
	return lowest
}

// inOneForm returns a name with the selector that is written down in place of one
// that selects the same, of which there is no end; "" for one that doesn't exist. Rest
// says that it is what is left without a label that nothing but others begin with.
func inOneForm(labels []string) (name string, rest bool) {
	const tagMark = "_tag."
	valid := func(l string) bool { return catalog.CheckLabel("label", strings.TrimSuffix(l, ".")) == nil }
	first := slices.Index(labels, tagMark)
	if first == 0 {
		name, _ = inOneForm(labels[1:])
		tags := slices.DeleteFunc(slices.Clone(labels[1:]), func(l string) bool { return l != tagMark })
		locality := len(labels)-1-2*len(tags) == 7 && labels[len(labels)-5] == "_zone."
		service := strings.HasSuffix(strings.Join(labels, ""), ".svc.internal") && labels[len(labels)-3] != "dns."
		if !service || len(tags) >= 4 || !locality && len(labels)-1-2*len(tags) != 4 || !valid(labels[len(labels)-4]) {
			return "", false
		}
		return name, true
	}
	labels = slices.Clone(labels)
	if first > 0 {
		end := first - 1
		var tags []string
		for end+1 < len(labels) && labels[end+1] == tagMark && valid(labels[end]) {
			tags = append(tags, labels[end])
			end += 2
		}
		if len(tags) > 4 {
			return "", false
		}
		slices.Sort(tags)
		tags = slices.Compact(tags)
		if slices.ContainsFunc(tags, func(tag string) bool { return tag != "t0." && tag != "t1." }) {
			tags = []string{"t2."}
		}
		rest := slices.Clone(labels[end:])
		labels = labels[:first-1]
		for _, tag := range tags {
			labels = append(labels, tag, tagMark)
		}
		labels = append(labels, rest...)
	}
	if zone := slices.Index(labels, "_zone."); zone >= 2 && valid(labels[zone-2]) && labels[zone-2] != "l0." && labels[zone-2] != "l1." {
		labels[zone-2] = "l2."
	}
	return strings.Join(labels, ""), false
}

// answer is what a query gets: records in presentation form, sorted.
func (m modelRecords) answer(name, rrtype string) (rcode int, records []string) {
	written, rest := inOneForm(strings.SplitAfter(strings.TrimSuffix(name, "."), "."))
	sets, exists := m[written+"."]
	if !exists {
		return dns.RcodeNameError, nil
	}
	if rest {
		return dns.RcodeSuccess, nil
	}
	if sets["CNAME"] != nil {
		rrtype = "CNAME"
	} else if rrtype == "ANY" && len(sets) > 0 {
		return dns.RcodeSuccess, []string{fmt.Sprintf("%s\t%d\tIN\tHINFO\t\"RFC8482\" \"\"", name, modelTTL)}
	}
	if set := sets[rrtype]; set != nil {
		for data := range set.data {
			records = append(records, fmt.Sprintf("%s\t%d\tIN\t%s\t%s", name, set.ttl, rrtype, data))
		}
	}
	slices.Sort(records)
	return dns.RcodeSuccess, records
}

// randomRegistry returns a registry of few choices, so that much is equal.
func randomRegistry(rng *rand.Rand) values {
	vs := values{}
	service := func() string { return fmt.Sprintf("n%d/s%d", rng.IntN(2), rng.IntN(3)) }
	for range 1 + rng.IntN(5) {
		vs[service()+fmt.Sprintf("/i%d", rng.IntN(4))] = randomModelValue(rng)
	}
	for range rng.IntN(3) {
		at := service()
		var members []string
		if rng.IntN(2) == 0 {
			members = append(members, fmt.Sprintf(`"min_up":%d`, rng.IntN(4)))
		}
		if rng.IntN(2) == 0 {
			members = append(members, fmt.Sprintf(`"ttl":%d`, 1+rng.IntN(9)))
		}
		if alias := service(); rng.IntN(3) == 0 && alias != at {
			members = append(members, `"alias":"`+alias+`"`)
		}
		if other := service(); rng.IntN(2) == 0 && other != at {
			members = append(members, `"failover":["`+other+`"]`)
		}
		vs[at+"/_policy"] = "{" + strings.Join(members, ",") + "}"
	}
	return vs
}

func randomModelValue(rng *rand.Rand) string {
	where := fmt.Sprintf(`"host":"h%d.example.com"`, rng.IntN(2))
	if rng.IntN(4) > 0 {
		where = fmt.Sprintf(`"addresses":["10.0.%d.%d","2001:db8::%x"]`, rng.IntN(2), rng.IntN(3), 1+rng.IntN(3))
		if rng.IntN(3) == 0 {
			where = fmt.Sprintf(`"addresses":["10.%d.0.1","10.0.0.1","192.0.2.%d"]`, rng.IntN(3), 1+rng.IntN(2))
		}
	}
	ports, seen := []string{}, map[string]bool{}
	for range rng.IntN(4) {
		name := []string{"http", "https", "dns", ""}[rng.IntN(4)]
		protocol := []string{"tcp", "tcp", "udp"}[rng.IntN(3)]
		if !seen[name+protocol] {
			seen[name+protocol] = true
			ports = append(ports, fmt.Sprintf(`{"name":"%s","port":%d,"protocol":"%s"}`, name, 80+rng.IntN(3), protocol))
		}
	}
	metadata := []string{`{}`, `{"a":"b"}`, `{"alpn":"h2"}`, `{"alpn":"h2,http/1.1","x":"y"}`}[rng.IntN(4)]
	tags := []string{`[]`, `["t0"]`, `["t1"]`, `["t1","t0"]`}[rng.IntN(4)]
	return fmt.Sprintf(`{%s,"ports":[%s],"priority":%d,"ttl":%d,"weight":%d,"metadata":%s,"tags":%s,"locality":"%s","status":"%s"}`,
		where, strings.Join(ports, ","), []int{0, 0, 1, 65535}[rng.IntN(4)], []int{0, 0, 1, 3, 40}[rng.IntN(5)], 1+rng.IntN(2), metadata, tags,
		[]string{"", "l0", "l1"}[rng.IntN(3)], []string{"up", "up", "up", "draining", "down"}[rng.IntN(5)])
}

var modelTypes = []string{"A", "AAAA", "SRV", "TXT", "PTR", "SVCB", "HTTPS", "CNAME", "NS", "SOA", "ANY", "MX", "CAA", "NAPTR", "DNSKEY"}

// TestModel changes a registry at random, asks two blocks for names that the model
// has, and for others close to them, and compares the answers.
func TestModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	store, vs := emptyStore(), values{}
	blocks := map[string]*Roster{}
	for filter, directive := range map[string]string{"": "", modelDenied: "deny_net " + modelDenied} {
		blocks[filter] = servingRegistry(t, modelBlock+" {\n"+directive+"\n}", inState(store, mirror.Live))
		blocks[filter].upstream = found(t, dns.RcodeRefused, nil, nil)
	}
	asked := 0
	for round := range 100 {
		revision := int64(round + 1)
		apply(store, revision, changeModel(rng, vs, revision)...)
		for filter, r := range blocks {
			model := decodeModel(t, vs, filter).write(store.Load().Serial())
			names := slices.Sorted(maps.Keys(model))
			for range 500 {
				name, rrtype := modelQuestion(rng, names)
				got := ask(t, r, query(name+" "+rrtype), true)
				if differs := model.compare(got, name, rrtype); differs != "" {
					t.Fatalf("seed %d, round %d, without %q: %s %s of\n%s\n%s", seed, round, filter, name, rrtype, show(vs), differs)
				}
				asked++
			}
		}
	}
	t.Logf("seed %d: %d queries", seed, asked)
}

// modelQuestion returns a name that the model has, or one close to it, and a type.
func modelQuestion(rng *rand.Rand, names []string) (name, rrtype string) {
	name = names[rng.IntN(len(names))]
	if rng.IntN(3) == 0 {
		name = nearTo(rng, name)
	}
	return name, modelTypes[rng.IntN(len(modelTypes))]
}

// changeModel makes some changes to the values of a registry and returns them.
func changeModel(rng *rand.Rand, vs values, revision int64) (events []mirror.Event) {
	next := randomRegistry(rng)
	for _, key := range slices.Sorted(maps.Keys(vs)) {
		if _, again := next[key]; !again && rng.IntN(3) == 0 {
			events = append(events, mirror.Event{Key: key, Deleted: true, ModRevision: revision})
			delete(vs, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(next)) {
		events = append(events, mirror.Event{Key: key, Value: []byte(next[key]), ModRevision: revision, Lease: 1})
		vs[key] = next[key]
	}
	return events
}

// nearTo returns a name in one of the zones that is like another one.
func nearTo(rng *rand.Rand, name string) string {
	labels := strings.SplitAfter(name, ".")
	labels = labels[:len(labels)-1]
	zone := 2
	if strings.HasSuffix(name, modelOne) {
		zone = 6
	} else if strings.HasSuffix(name, "in-addr.arpa.") {
		zone = 3
	} else if strings.HasSuffix(name, "ip6.arpa.") {
		zone = 10
	}
	at := rng.IntN(len(labels) - zone + 1)
	words := []string{"_tag.", "t0.", "_zone.", "pin.", "l0.", "_tcp.", "_udp.", "_http.", "_80.", "_https.", "i0.", "s0.", "n0.", "_dns-sd.", "_services.", "b.", "*.", "0.", "1.", "a.", "10.", "01.", "ns.", "dns."}
	word := words[rng.IntN(len(words))]
	if at == len(labels)-zone || rng.IntN(2) == 0 {
		return strings.Join(slices.Insert(labels, at, word), "")
	}
	if rng.IntN(2) == 0 {
		return strings.Join(slices.Delete(labels, at, at+1), "")
	}
	labels[at] = word
	return strings.Join(labels, "")
}

// compare returns what an answer is and what the model's is, "" where they are equal.
// Where there are no records there is the zone's SOA record. Additional records are
// what a question for them gets, all of each target.
func (m modelRecords) compare(got *dns.Msg, name, rrtype string) string {
	wantCode, want := m.answer(name, rrtype)
	if texts := texts(got.Answer); got.Rcode != wantCode || !slices.Equal(texts, want) {
		return fmt.Sprintf("%s\n%s\nwant %s\n%s", dns.RcodeToString[got.Rcode], strings.Join(texts, "\n"),
			dns.RcodeToString[wantCode], strings.Join(want, "\n"))
	}
	var authority []string
	if len(want) == 0 {
		zone := modelZones[slices.IndexFunc(modelZones, func(zone string) bool { return dns.IsSubDomain(zone, name) })]
		_, authority = m.answer(zone, "SOA")
	}
	glue := m.glue(got.Answer)
	if !got.Authoritative || !slices.Equal(texts(got.Ns), authority) || !slices.Equal(texts(got.Extra), glue) {
		return fmt.Sprintf("%v\nwant authority %q and additional %q", got, authority, glue)
	}
	return ""
}

// glue are the addresses of what records point to: each target's once, and those of
// name servers with the zone that they are in.
func (m modelRecords) glue(answers []dns.RR) (glue []string) {
	for _, rr := range answers {
		target := targetOf(rr)
		if target == "" || rr.Header().Rrtype == dns.TypeNS && rr.Header().Name != modelZone {
			continue
		}
		_, v4 := m.answer(target, "A")
		_, v6 := m.answer(target, "AAAA")
		glue = slices.Concat(glue, v4, v6)
	}
	slices.Sort(glue)
	return slices.Compact(glue)
}

func show(vs values) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(vs)) {
		fmt.Fprintf(&b, "%s %s\n", k, vs[k])
	}
	return b.String()
}
