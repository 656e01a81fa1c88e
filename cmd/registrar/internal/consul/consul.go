package consul

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/document"
	"github.com/rosterdns/roster/cmd/registrar/internal/foreign"
)

// Read reads answers of /v1/catalog/service/NAME, /v1/health/service/NAME and
// /v1/agent/services, one or several in a row. Services of Consul's namespace "default",
// and those without, go to the given one. The error is ErrInvalid, and says in which file
// and on which line it is.
func Read(path string, text []byte, namespace string) (foreign.Result, error) {
	file, err := document.Parse(text)
	if err != nil {
		return foreign.Result{}, fmt.Errorf("%s: %w", path, err)
	}
	m := mapper{namespace: namespace}
	for i := range file.Objects {
		at := fmt.Sprintf("%s:%d", path, file.Objects[i].Line(""))
		found, err := records(file.Objects[i].JSON)
		if err != nil {
			return foreign.Result{}, fmt.Errorf("%s: %w", at, err)
		}
		for _, r := range found {
			m.add(at, &r)
		}
	}
	return m.Result(), nil
}

// mapper makes instances of records.
type mapper struct {
	foreign.Collector
	namespace string // of Consul's default one
}

func (m *mapper) add(at string, r *record) {
	s := &r.service
	from := fmt.Sprintf("%s: service %q, ID %q", at, s.Service, s.ID)
	if r.node.Node != "" {
		from += fmt.Sprintf(", node %q", r.node.Node)
	}
	switch {
	case s.Kind != "":
		m.LeaveOut(from, "it is a %s of the service mesh", s.Kind)
		return
	case s.SocketPath != "":
		m.LeaveOut(from, "it listens on a socket %q of its machine", s.SocketPath)
		return
	case s.PeerName != "":
		m.LeaveOut(from, "it is imported from the peer %q: import it there", s.PeerName)
		return
	}
	in := foreign.Instance{From: from, Namespace: m.namespaceOf(s), Service: m.lower(from, "service", s.Service)}
	if !m.address(&in, r) {
		return
	}
	m.ports(&in, s)
	m.id(&in, s)
	m.locality(&in, r)
	for _, tag := range s.Tags {
		m.Tag(&in, tag)
	}
	m.Meta(&in, s.Meta)
	m.status(&in, r)
	m.rest(&in, r)
	m.Add(in)
}

func (m *mapper) namespaceOf(s *service) string {
	if s.Namespace == "" || s.Namespace == "default" {
		return m.namespace
	}
	return strings.ToLower(s.Namespace)
}

// lower returns a name in lower case, and notes it if that is another one.
func (m *mapper) lower(from, what, name string) string {
	lower := strings.ToLower(name)
	if lower != name {
		m.Note(from, "the %s is imported as %q", what, lower)
	}
	return lower
}

// address sets where the instance is, and reports whether that is known.
func (m *mapper) address(in *foreign.Instance, r *record) bool {
	s, own := &r.service, r.service.Address != ""
	main := s.Address
	if !own {
		main = r.node.Address
	}
	if main == "" {
		m.LeaveOut(in.From, "it has no address but that of its agent: use the answer of /v1/health/service/%s", s.Service)
		return false
	}
	ip, err := netip.ParseAddr(main)
	if err != nil {
		in.Host = main
	} else {
		in.Addresses = []netip.Addr{ip.Unmap()}
	}
	if own {
		for _, name := range sorted(s.TaggedAddresses) {
			m.tagged(in, name, s.TaggedAddresses[name].Address, s.TaggedAddresses[name].Port, s.Port)
		}
		return true
	}
	for _, name := range sorted(r.node.TaggedAddresses) {
		m.tagged(in, name, r.node.TaggedAddresses[name], 0, 0)
	}
	return true
}

// tagged adds another address of the same network; addresses of others have no place here.
func (m *mapper) tagged(in *foreign.Instance, name, text string, port, usual int) {
	ip, err := netip.ParseAddr(text)
	lan := name == "lan" || name == "lan_ipv4" || name == "lan_ipv6"
	switch {
	case text == "" || text == in.Host || err == nil && slices.Contains(in.Addresses, ip.Unmap()):
	case err != nil || !lan || in.Host != "" || port != 0 && port != usual:
		m.Note(in.From, "tagged address %q (%s) left out", name, text)
	default:
		in.Addresses = append(in.Addresses, ip.Unmap())
	}
}

func (m *mapper) ports(in *foreign.Instance, s *service) {
	add := func(name string, port int) {
		if port < 1 || port > 65535 {
			m.Note(in.From, "port %d left out: a port is 1 to 65535", port)
			return
		}
		in.Ports = append(in.Ports, catalog.Port{Name: name, Port: uint16(port), Protocol: catalog.ProtocolTCP})
	}
	if len(s.Ports) == 0 && s.Port != 0 {
		add("", s.Port)
	}
	for _, p := range s.Ports {
		add(m.lower(in.From, "port", p.Name), p.Port)
	}
}

// id takes Consul's ID where that is a label; others get one by their address.
func (m *mapper) id(in *foreign.Instance, s *service) {
	id := strings.ToLower(s.ID)
	if catalog.CheckLabel("id", id) != nil {
		m.Note(in.From, "the ID is not a DNS label: imported as %s", in.StableID())
		return
	}
	in.ID = id
	if id != s.ID {
		m.Note(in.From, "the ID is imported as %q", id)
	}
}

// locality is Consul's zone or, where there is none, the datacenter.
func (m *mapper) locality(in *foreign.Instance, r *record) {
	place := r.node.Datacenter
	if l := r.service.Locality; l != nil && l.Zone != "" {
		place = l.Zone
	}
	if place == "" {
		return
	}
	if lower := strings.ToLower(place); catalog.CheckLabel("locality", lower) == nil {
		in.Locality = lower
		return
	}
	m.Note(in.From, "the place %q left out: a locality is a DNS label", place)
}

// status is the worst of the checks: with a critical one Consul leaves the instance out,
// with a warning it has a weight of its own. Maintenance is an operator's override.
func (m *mapper) status(in *foreign.Instance, r *record) {
	w := weights{Passing: 1, Warning: 1}
	if r.service.Weights != nil {
		w = *r.service.Weights
	}
	weight := w.Passing
	in.Status = catalog.StatusUp
	for _, c := range r.checks {
		maintenance := c.CheckID == "_node_maintenance" || strings.HasPrefix(c.CheckID, "_service_maintenance:")
		switch {
		case maintenance && c.Status == "critical":
			in.Override = &catalog.Override{Status: catalog.StatusDraining, Reason: c.Notes}
		case c.Status == "passing" || c.Status == "":
		case c.Status == "warning":
			weight = w.Warning
		default:
			in.Status = catalog.StatusDown
			m.Note(in.From, "the check %q is %s: imported as down, until something writes its status", c.CheckID, c.Status)
		}
	}
	if weight < 1 || weight > 65535 {
		m.Note(in.From, "the weight %d is imported as 1: a weight is 1 to 65535", weight)
		weight = 1
	}
	in.Weight = uint16(weight)
}

// rest notes what else there is.
func (m *mapper) rest(in *foreign.Instance, r *record) {
	s := &r.service
	if s.Connect != nil && s.Connect.Native {
		m.Note(in.From, "it takes connections of the service mesh itself (Connect.Native): left out")
	}
	if s.Partition != "" && s.Partition != "default" {
		m.Note(in.From, "the partition %q left out", s.Partition)
	}
	if s.EnableTagOverride {
		m.Note(in.From, "EnableTagOverride left out: tags are the writer's")
	}
	for _, name := range r.unknown {
		m.Note(in.From, "member %q left out", name)
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
