package skydns

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/foreign"
)

// DefaultZone is the zone of SkyDNS's own examples.
const DefaultZone = "skydns.local"

// defaultPriority is what the plugin takes for a record that states none.
const defaultPriority = 10

// Options say where records are and go.
type Options struct {
	// Zone is that of the records in DNS.
	Zone string
	// Namespace is for records without a label for one.
	Namespace string
}

// Read reads records. Their labels below the zone are, from the right, the namespace if
// there are three, the service, and the ID. The error is ErrInvalid.
func Read(path string, text []byte, options Options) (foreign.Result, error) {
	list, err := pairs(path, text)
	if err != nil {
		return foreign.Result{}, err
	}
	m := mapper{options: options, zone: reverse(strings.Split(strings.ToLower(strings.Trim(options.Zone, ".")), "."))}
	for _, p := range list {
		m.add(path, p)
	}
	return m.Result(), nil
}

func reverse(labels []string) []string {
	slices.Reverse(labels)
	return labels
}

// mapper makes instances of records.
type mapper struct {
	foreign.Collector
	options Options
	zone    []string // its labels from the root
}

// record is a value.
type record struct {
	Host                   string
	Port, Priority, Weight int64
	Text                   string
	Mail                   bool
	TTL                    int64
	TargetStrip            int64
	Group                  string
}

// members are those of a record, and one that some writers add.
var members = []string{"host", "port", "priority", "weight", "text", "mail", "ttl", "targetstrip", "group", "key"}

func (m *mapper) add(path string, p pair) {
	from := fmt.Sprintf("%s: %q", path, p.key)
	if p.line > 0 {
		from = fmt.Sprintf("%s:%d: %q", path, p.line, p.key)
	}
	in := foreign.Instance{From: from}
	if !m.name(&in, p.key) {
		return
	}
	var raw map[string]json.RawMessage
	var r record
	err := json.Unmarshal([]byte(p.value), &raw)
	if err == nil {
		err = json.Unmarshal([]byte(p.value), &r)
	}
	switch {
	case err != nil:
		m.LeaveOut(from, "the value is not a record: %v", err)
		return
	case r.Mail:
		m.LeaveOut(from, "it is for mail (MX records)")
		return
	case r.Host == "":
		m.LeaveOut(from, "it has no host: records of text alone have no place in Roster")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if !slices.Contains(members, strings.ToLower(name)) {
			m.Note(from, "member %q left out", name)
		}
	}
	if m.numbers(&in, &r) {
		m.rest(&in, &r, p.leased)
		m.Add(in)
	}
}

// name takes the names from a key, and reports whether it has them.
func (m *mapper) name(in *foreign.Instance, key string) bool {
	labels := strings.Split(strings.ToLower(strings.Trim(key, "/")), "/")
	labels = labels[1:] // of the plugin's path
	if len(labels) < len(m.zone) || !slices.Equal(labels[:len(m.zone)], m.zone) {
		m.LeaveOut(in.From, "it is not in zone %q: give its zone with --from-zone", m.options.Zone)
		return false
	}
	in.Namespace = m.options.Namespace
	switch labels = labels[len(m.zone):]; len(labels) {
	case 1:
		in.Service = labels[0]
	case 2:
		in.Service, in.ID = labels[0], labels[1]
	case 3:
		in.Namespace, in.Service, in.ID = labels[0], labels[1], labels[2]
	default:
		m.LeaveOut(in.From, "it has %d labels below the zone, not 1 to 3: SERVICE, ID.SERVICE or ID.SERVICE.NAMESPACE", len(labels))
		return false
	}
	return true
}

// numbers takes what is bounded from a record, and reports whether all of it is valid.
func (m *mapper) numbers(in *foreign.Instance, r *record) bool {
	if r.Priority == 0 {
		r.Priority = defaultPriority
	}
	for _, n := range []struct {
		name     string
		value    int64
		greatest int64
	}{{"port", r.Port, 65535}, {"priority", r.Priority, 65535}, {"weight", r.Weight, 65535}, {"ttl", r.TTL, 1<<32 - 1}} {
		if n.value < 0 || n.value > n.greatest {
			m.LeaveOut(in.From, "%s %d is not 0 to %d", n.name, n.value, n.greatest)
			return false
		}
	}
	in.Priority, in.Weight, in.TTL = uint16(r.Priority), uint16(r.Weight), uint32(r.TTL)
	if r.Port > 0 {
		in.Ports = []catalog.Port{{Port: uint16(r.Port), Protocol: catalog.ProtocolTCP}}
	}
	return true
}

// rest takes the rest, and notes what has no place.
func (m *mapper) rest(in *foreign.Instance, r *record, leased bool) {
	if ip, err := netip.ParseAddr(r.Host); err == nil {
		in.Addresses = []netip.Addr{ip.Unmap()}
	} else {
		in.Host = r.Host
		if name := "." + strings.ToLower(strings.Trim(r.Host, ".")); strings.HasSuffix(name, "."+strings.ToLower(strings.Trim(m.options.Zone, "."))) {
			m.Note(in.From, "its host %q is a name of SkyDNS: it has to stay there, or to become an alias ('registrar policy set %s --alias')", r.Host, in.Service)
		}
	}
	if r.Text != "" {
		key, value, ok := strings.Cut(r.Text, "=")
		if !ok || key == "" {
			key, value = "text", r.Text
			m.Note(in.From, "the text becomes metadata %q", "text")
		}
		m.Meta(in, map[string]string{key: value})
	}
	if r.Group != "" {
		m.Tag(in, r.Group)
		m.Note(in.From, "group %q becomes a tag: it selects, and separates nothing by itself", r.Group)
	}
	if r.TargetStrip != 0 {
		m.Note(in.From, "targetstrip left out: targets are the names of instances")
	}
	if leased {
		m.Note(in.From, "it is under a lease, so that something keeps it there: imported it is static, and stays until it is removed")
	}
}
