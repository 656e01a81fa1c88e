package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// Record is the data of a record.
type Record struct {
	Type string // such as "A"
	Data string // as in a zone file
}

// Expected returns the records that a DNS server has to answer for a name, by the
// services of a generation, each once; and how many of a type it may choose by the
// policy of the service, 0 for all.
func Expected(g *services.Generation, n *Name) (records []Record, limit int) {
	own := g.Service(n.Service.Namespace, n.Service.Name)
	if own == nil {
		return nil, 0
	}
	if n.Instance != "" {
		return ofInstance(own, n), 0
	}
	if p := own.Policy(); p != nil {
		limit = p.MaxAnswers
	}
	if s := g.Answering(own); s != nil {
		records = ofService(s, n)
	}
	return distinct(records), limit
}

func ofInstance(s *services.Service, n *Name) []Record {
	in := s.Instance(n.Instance)
	switch {
	case in == nil:
		return nil
	case in.Host != "":
		return []Record{alias(in)}
	}
	return distinct(append(srvOf(in, nil, s, n.Zone), addressesOf(in)...))
}

func ofService(s *services.Service, n *Name) (records []Record) {
	if n.Port != nil {
		return ofPort(s, n)
	}
	selected := s.Select(n.Selector)
	if host := catalog.SoleHost(selected); host != nil {
		return []Record{alias(host)}
	}
	for _, in := range selected {
		records = append(records, srvOf(in, nil, s, n.Zone)...)
	}
	for _, in := range catalog.Preferred(selected) {
		records = append(records, addressesOf(in)...)
	}
	return records
}

// ofPort prefers a locality among the instances that have the port.
func ofPort(s *services.Service, n *Name) (records []Record) {
	any := n.Selector
	any.Prefer = ""
	selected := slices.DeleteFunc(slices.Clone(s.Select(any)), func(in *catalog.Instance) bool {
		return !slices.ContainsFunc(in.Ports, n.Port.is)
	})
	for _, in := range catalog.Nearest(selected, n.Selector.Prefer, func(in *catalog.Instance) *catalog.Instance { return in }) {
		records = append(records, srvOf(in, n.Port, s, n.Zone)...)
	}
	return records
}

// is reports whether it is that port.
func (p *Port) is(port catalog.Port) bool {
	return port.Protocol == p.Protocol && (p.Number == 0 && port.Name == p.Name || p.Number != 0 && port.Port == p.Number)
}

// srvOf returns a record for each port of an instance, or for one that is given.
func srvOf(in *catalog.Instance, only *Port, s *services.Service, zone string) (records []Record) {
	target := dns.Fqdn(strings.Join([]string{in.ID, s.Name, s.Namespace, zone}, "."))
	if in.Host != "" {
		target = dns.CanonicalName(in.Host)
	}
	for _, p := range in.Ports {
		if only == nil || only.is(p) {
			records = append(records, Record{"SRV", fmt.Sprintf("%d %d %d %s", in.Priority, in.Weight, p.Port, target)})
		}
	}
	return records
}

func addressesOf(in *catalog.Instance) (records []Record) {
	for _, a := range in.Addresses {
		rrtype := "AAAA"
		if a.Is4() {
			rrtype = "A"
		}
		records = append(records, Record{rrtype, a.String()})
	}
	return records
}

func alias(in *catalog.Instance) Record { return Record{"CNAME", dns.CanonicalName(in.Host)} }

// distinct returns the records without those that are there already.
func distinct(records []Record) (list []Record) {
	known := map[Record]bool{}
	for _, r := range records {
		if !known[r] {
			known[r] = true
			list = append(list, r)
		}
	}
	return list
}
