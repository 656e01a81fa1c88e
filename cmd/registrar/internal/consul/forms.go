// Package consul reads what the HTTP API of Consul says of services.
package consul

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/rosterdns/roster/catalog"
)

// record is an instance of a service in Consul, from whichever answer.
type record struct {
	node    node
	service service
	checks  []check
	// unknown are members that have no place here.
	unknown []string
}

type node struct {
	Node, Address, Datacenter string
	TaggedAddresses           map[string]string
}

type service struct {
	Kind, ID, Service, Address string
	Port                       int
	Ports                      []struct {
		Name    string
		Port    int
		Default bool
	}
	Tags              []string
	Meta              map[string]string
	TaggedAddresses   map[string]address
	Weights           *weights
	EnableTagOverride bool
	SocketPath        string
	Namespace         string
	Partition         string
	PeerName          string
	Datacenter        string
	Locality          *struct{ Region, Zone string }
	Connect           *struct{ Native bool }
}

type address struct {
	Address string
	Port    int
}

type weights struct{ Passing, Warning int }

type check struct{ CheckID, Status, Notes, Output string }

// flat is an element of /v1/catalog/service/NAME.
type flat struct {
	node
	ServiceKind, ServiceID, ServiceName, ServiceAddress string
	ServicePort                                         int
	ServicePorts                                        json.RawMessage
	ServiceTags                                         []string
	ServiceMeta                                         map[string]string
	ServiceTaggedAddresses                              map[string]address
	ServiceWeights                                      *weights
	ServiceEnableTagOverride                            bool
	ServiceSocketPath                                   string
	ServiceLocality                                     *struct{ Region, Zone string }
	ServiceConnect                                      *struct{ Native bool }
	Namespace, Partition, PeerName                      string
	Checks                                              []check
}

// records returns the instances in an object of an answer, which can be of several forms.
// The error is ErrInvalid.
func records(text []byte) ([]record, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("%w: not an object of Consul's", catalog.ErrInvalid)
	}
	if _, ok := members["ServiceName"]; ok {
		return one(fromCatalog(text, members))
	}
	if _, ok := members["Service"]; ok && members["Node"] != nil {
		return one(fromHealth(text, members))
	}
	return fromAgent(members)
}

func one(r record, err error) ([]record, error) {
	if err != nil {
		return nil, fmt.Errorf("%w: %w", catalog.ErrInvalid, err)
	}
	return []record{r}, nil
}

// What of Consul's members is used, and what is its own bookkeeping.
var (
	catalogMembers = []string{
		"ID", "Node", "Address", "Datacenter", "TaggedAddresses", "NodeMeta", "CreateIndex", "ModifyIndex", "Namespace", "Partition", "PeerName", "Checks",
		"ServiceKind", "ServiceID", "ServiceName", "ServiceAddress", "ServicePort", "ServicePorts", "ServiceTags", "ServiceMeta", "ServiceTaggedAddresses",
		"ServiceWeights", "ServiceEnableTagOverride", "ServiceSocketPath", "ServiceLocality", "ServiceConnect", "ServiceProxy", "ServiceProxyDestination",
	}
	healthMembers  = []string{"Node", "Service", "Checks"}
	serviceMembers = []string{
		"Kind", "ID", "Service", "Address", "Port", "Ports", "Tags", "Meta", "TaggedAddresses", "Weights", "EnableTagOverride", "SocketPath", "Namespace", "Partition",
		"PeerName", "Datacenter", "Locality", "Connect", "Proxy", "CreateIndex", "ModifyIndex", "ContentHash",
	}
)

func fromCatalog(text []byte, members map[string]json.RawMessage) (r record, err error) {
	var f flat
	if err := json.Unmarshal(text, &f); err != nil {
		return record{}, err
	}
	r = record{node: f.node, checks: f.Checks, unknown: unknown(members, catalogMembers)}
	r.service = service{
		Kind: f.ServiceKind, ID: f.ServiceID, Service: f.ServiceName, Address: f.ServiceAddress, Port: f.ServicePort, Tags: f.ServiceTags, Meta: f.ServiceMeta,
		TaggedAddresses: f.ServiceTaggedAddresses, Weights: f.ServiceWeights, EnableTagOverride: f.ServiceEnableTagOverride, SocketPath: f.ServiceSocketPath,
		Locality: f.ServiceLocality, Connect: f.ServiceConnect, Namespace: f.Namespace, Partition: f.Partition, PeerName: f.PeerName,
	}
	if f.ServicePorts != nil {
		err = json.Unmarshal(f.ServicePorts, &r.service.Ports)
	}
	return r, err
}

func fromHealth(text []byte, members map[string]json.RawMessage) (r record, err error) {
	var h struct {
		Node    node
		Service json.RawMessage
		Checks  []check
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return record{}, err
	}
	r, err = fromService(h.Service)
	r.node, r.checks = h.Node, h.Checks
	r.unknown = append(r.unknown, unknown(members, healthMembers)...)
	return r, err
}

// fromAgent returns the instances of /v1/agent/services, which are members by their IDs.
func fromAgent(members map[string]json.RawMessage) (all []record, err error) {
	for _, id := range slices.Sorted(maps.Keys(members)) {
		r, err := fromService(members[id])
		if err == nil && r.service.Service == "" {
			err = fmt.Errorf("there is no member Service")
		}
		if err != nil {
			return nil, fmt.Errorf("%w: member %q is not a service of /v1/agent/services, and the object is none of /v1/catalog/service or /v1/health/service: %w", catalog.ErrInvalid, id, err)
		}
		all = append(all, r)
	}
	return all, nil
}

func fromService(text []byte) (r record, err error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return record{}, err
	}
	if err := json.Unmarshal(text, &r.service); err != nil {
		return record{}, err
	}
	r.unknown = unknown(members, serviceMembers)
	r.node.Datacenter = r.service.Datacenter
	return r, nil
}

// unknown returns the members that are not in a list and say something.
func unknown(members map[string]json.RawMessage, list []string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		empty := slices.Contains([]string{"null", `""`, "0", "false", "{}", "[]"}, string(members[name]))
		if !empty && !slices.Contains(list, name) {
			names = append(names, name)
		}
	}
	return names
}
