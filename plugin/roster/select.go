package roster

import (
	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// offer is an instance, and for a question about ports one of its ports.
type offer struct {
	*catalog.Instance
	port *catalog.Port
}

// upInstances returns the instances that take new work.
func upInstances(s *services.Service) []*catalog.Instance {
	up := make([]*catalog.Instance, 0, len(s.Instances))
	for i := range s.Instances {
		if s.Instances[i].Up() {
			up = append(up, &s.Instances[i])
		}
	}
	return up
}

// preferred returns the instances with addresses that have the lowest value of
// priority among them, which is that of the most preferred (RFC 2782).
func preferred(up []*catalog.Instance) []*catalog.Instance {
	var best []*catalog.Instance
	for _, in := range up {
		switch {
		case len(in.Addresses) == 0:
		case len(best) == 0 || in.Priority < best[0].Priority:
			best = append(best[:0], in)
		case in.Priority == best[0].Priority:
			best = append(best, in)
		}
	}
	return best
}

// offers returns one offer for each instance and each of its ports that the
// name asks for.
func offers(instances []*catalog.Instance, n *name) []offer {
	out := make([]offer, 0, len(instances))
	for _, in := range instances {
		for i := range in.Ports {
			if n.wants(&in.Ports[i]) {
				out = append(out, offer{in, &in.Ports[i]})
			}
		}
	}
	return out
}

// wants reports whether a name asks for the port: all do that say nothing of
// ports.
func (n *name) wants(p *catalog.Port) bool {
	switch {
	case n.protocol != "" && n.protocol != p.Protocol:
		return false
	case n.portNumber != 0:
		return n.portNumber == p.Port
	case n.port != "":
		return n.port == p.Name
	}
	return true
}

// hasPort reports whether any instance, whatever its status, has a port that the
// name asks for.
func hasPort(s *services.Service, n *name) bool {
	for i := range s.Instances {
		for j := range s.Instances[i].Ports {
			if n.wants(&s.Instances[i].Ports[j]) {
				return true
			}
		}
	}
	return false
}

// soleHost returns the host that stands for the whole selection: where exactly
// one instance is up and it is a host, or "".
func soleHost(up []*catalog.Instance) string {
	if len(up) == 1 {
		return up[0].Host
	}
	return ""
}
