package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Instance is an instance as etcd holds it, written down without the code under
// test. Its IDs, services and namespaces are in lower case.
type Instance struct {
	Namespace string            `json:"-"`
	Service   string            `json:"-"`
	ID        string            `json:"-"`
	Addresses []string          `json:"addresses"`
	Ports     []InstancePort    `json:"ports"`
	Weight    int               `json:"weight,omitempty"`
	Priority  int               `json:"priority,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Status    string            `json:"status,omitempty"`
	Static    bool              `json:"static,omitempty"`
	// Lease is etcd's lease of the key.
	Lease int64 `json:"-"`
}

// InstancePort is a port of an Instance.
type InstancePort struct {
	Name     string `json:"name"`
	Port     int    `json:"port"`
	Protocol string `json:"protocol,omitempty"`
}

// Key is where the instance is, below the default prefix.
func (in *Instance) Key() string {
	return registryPrefix + in.Namespace + "/" + in.Service + "/" + in.ID
}

// OverrideKey is where an operator's override of the instance's status is.
func (in *Instance) OverrideKey() string {
	return registryPrefix + in.Namespace + "/" + in.Service + "/_status/" + in.ID
}

// Value is the instance's value in etcd.
func (in *Instance) Value() string {
	value, err := json.Marshal(in)
	if err != nil {
		panic(err) // nothing in it can't be written
	}
	return string(value)
}

// name is the instance's name in the zone, which ends in a dot.
func (in *Instance) name(zone string) string {
	return in.ID + "." + in.Service + "." + in.Namespace + "." + zone
}

func (in *Instance) up() bool { return in.Status == "" || in.Status == "up" }

// Put writes the instance, under a lease unless that is 0, and returns etcd's
// revision.
func (in *Instance) Put(ctx context.Context, c *clientv3.Client, lease clientv3.LeaseID) (int64, error) {
	var opts []clientv3.OpOption
	if lease != 0 {
		opts = append(opts, clientv3.WithLease(lease))
	}
	resp, err := c.Put(ctx, in.Key(), in.Value(), opts...)
	if err != nil {
		return 0, fmt.Errorf("putting %q: %w", in.Key(), err)
	}
	return resp.Header.Revision, nil
}

// ReadInstances reads the instances that are to be served from what etcd holds,
// with their statuses after operators' overrides. What has neither a lease nor
// says that it is static, and what is no instance, is left out.
func ReadInstances(ctx context.Context, c *clientv3.Client) ([]Instance, error) {
	resp, err := c.Get(ctx, registryPrefix, clientv3.WithPrefix())
	if err != nil {
		return nil, fmt.Errorf("reading the registry: %w", err)
	}
	var instances []Instance
	overridden := map[string]bool{} // not up, by key
	for _, kv := range resp.Kvs {
		parts := strings.Split(strings.TrimPrefix(string(kv.Key), registryPrefix), "/")
		if len(parts) == 4 && parts[2] == "_status" {
			overridden[registryPrefix+parts[0]+"/"+parts[1]+"/"+parts[3]] = true
			continue
		}
		in := Instance{}
		if len(parts) != 3 || json.Unmarshal(kv.Value, &in) != nil || (kv.Lease == 0 && !in.Static) {
			continue
		}
		in.Namespace, in.Service, in.ID, in.Lease = parts[0], parts[1], parts[2], kv.Lease
		instances = append(instances, in)
	}
	for i := range instances {
		if in := &instances[i]; overridden[in.Key()] {
			in.Status = "down"
		}
	}
	return instances, nil
}

// Answers are what a server has to answer in a zone where these instances and
// no others are registered, as the README of the plugin says: for each service,
// each of its ports and each instance, of each type. Names in absent, which are instances
// by their keys, are denied unless they are among the instances.
func Answers(zone string, instances []Instance, absent ...string) []Expectation {
	w := want{zone: zone}
	services := map[string][]Instance{}
	present := map[string]bool{}
	for _, in := range instances {
		service := in.Service + "." + in.Namespace + "." + zone
		services[service] = append(services[service], in)
		present[in.Key()] = true
	}
	for _, service := range slices.Sorted(maps.Keys(services)) {
		w.service(service, services[service])
	}
	for _, key := range absent {
		if present[key] {
			continue
		}
		parts := strings.Split(strings.TrimPrefix(key, registryPrefix), "/")
		service := parts[1] + "." + parts[0] + "." + zone
		w.denied(parts[2]+"."+service, dns.TypeA)
		if services[service] == nil {
			w.denied(service, dns.TypeSRV)
			w.denied("_http._tcp."+service, dns.TypeSRV)
		}
	}
	return w.all
}

// want collects expectations.
type want struct {
	zone string
	all  []Expectation
}

func (w *want) add(name string, qtype uint16, code int, answer, extra []string) {
	m := new(dns.Msg)
	m.Authoritative, m.Rcode = true, code
	records := func(lines []string) (section []dns.RR) {
		for _, line := range lines {
			rr, err := dns.NewRR(line)
			if err != nil {
				panic(err) // the test's own data
			}
			section = append(section, rr)
		}
		return section
	}
	m.Answer, m.Extra = records(answer), records(extra)
	if len(answer) == 0 {
		m.Ns = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: w.zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET}}}
	}
	w.all = append(w.all, Expectation{Question{Name: name, Type: qtype, Size: DefaultSize}, []string{Render(m)}})
}

func (w *want) denied(name string, qtype uint16) {
	w.add(name, qtype, dns.RcodeNameError, nil, nil)
}

func (w *want) service(service string, instances []Instance) {
	for i := range instances {
		w.instance(&instances[i])
	}
	w.add(service, dns.TypeTXT, dns.RcodeSuccess, nil, nil)
	w.denied("no-such-instance."+service, dns.TypeA)
	up := slices.DeleteFunc(slices.Clone(instances), func(in Instance) bool { return !in.up() })
	preferred := math.MaxInt // of the priorities
	for _, in := range up {
		preferred = min(preferred, in.Priority)
	}
	var addresses []string
	srv, glue := map[string][]string{}, map[string][]string{} // by port's name
	for i := range up {
		in := &up[i]
		if in.Priority == preferred {
			addresses = append(addresses, in.Addresses...)
		}
		for _, p := range in.Ports {
			name := "_" + p.Name + "._" + cmp.Or(p.Protocol, "tcp") + "." + service
			srv[name] = append(srv[name], in.srv(name, p, w.zone))
			glue[name] = append(glue[name], in.glue(w.zone)...)
		}
	}
	w.addresses(service, addresses)
	for _, name := range slices.Sorted(maps.Keys(srv)) {
		w.add(name, dns.TypeSRV, dns.RcodeSuccess, srv[name], glue[name])
	}
}

func (w *want) instance(in *Instance) {
	name := in.name(w.zone)
	w.addresses(name, in.Addresses)
	text := []string{name, "0", "IN", "TXT"}
	for _, key := range slices.Sorted(maps.Keys(in.Metadata)) {
		text = append(text, fmt.Sprintf("%q", key+"="+in.Metadata[key]))
	}
	if len(in.Metadata) == 0 {
		text = append(text, `""`)
	}
	w.add(name, dns.TypeTXT, dns.RcodeSuccess, []string{strings.Join(text, " ")}, nil)
	var srv []string
	for _, p := range in.Ports {
		srv = append(srv, in.srv(name, p, w.zone))
	}
	w.add(name, dns.TypeSRV, dns.RcodeSuccess, srv, in.glue(w.zone))
}

// addresses expects the addresses of each family. Two instances can have the
// same one, of which there is one record.
func (w *want) addresses(name string, addresses []string) {
	families := map[uint16][]string{dns.TypeA: nil, dns.TypeAAAA: nil}
	for _, a := range slices.Compact(slices.Sorted(slices.Values(addresses))) {
		qtype, line := addressRecord(name, a)
		families[qtype] = append(families[qtype], line)
	}
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		w.add(name, qtype, dns.RcodeSuccess, families[qtype], nil)
	}
}

func (in *Instance) srv(owner string, p InstancePort, zone string) string {
	return fmt.Sprintf("%s 0 IN SRV %d %d %d %s", owner, in.Priority, cmp.Or(in.Weight, 100), p.Port, in.name(zone))
}

func (in *Instance) glue(zone string) (lines []string) {
	for _, a := range in.Addresses {
		_, line := addressRecord(in.name(zone), a)
		lines = append(lines, line)
	}
	return lines
}

func addressRecord(name, address string) (qtype uint16, line string) {
	if strings.Contains(address, ":") {
		return dns.TypeAAAA, name + " 0 IN AAAA " + address
	}
	return dns.TypeA, name + " 0 IN A " + address
}

// MirrorStatus reads what a server's _status name in a zone says of its mirror:
// the strings of the TXT record by what is before their '='.
func MirrorStatus(ctx context.Context, addr, zone string) (map[string]string, error) {
	m, err := Ask(ctx, addr, Question{Name: "_status." + zone, Type: dns.TypeTXT, Size: DefaultSize})
	if err != nil {
		return nil, fmt.Errorf("asking for the mirror's status: %w", err)
	}
	status := map[string]string{}
	for _, rr := range m.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			for _, s := range txt.Txt {
				key, value, _ := strings.Cut(s, "=")
				status[key] = value
			}
		}
	}
	if status["state"] == "" {
		return nil, fmt.Errorf("_status.%s has no state: %s", zone, Render(m))
	}
	return status, nil
}

// MirrorState is a condition for Eventually: the server's mirror is in a state.
func MirrorState(t testing.TB, addr, zone, want string) func() error {
	t.Helper()
	return func() error {
		status, err := MirrorStatus(t.Context(), addr, zone)
		if err != nil {
			return err
		}
		if status["state"] != want {
			return fmt.Errorf("_status is %v", status)
		}
		return nil
	}
}
