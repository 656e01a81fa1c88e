package load

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
)

// Names of all data sets. Short ones: ten SRV records fit into the 512 octets that
// an answer without EDNS has, so that all servers answer alike.
const (
	// Zone is the zone of the names, without a dot at the end.
	Zone = "svc.internal"
	// Namespace is that of services that state none.
	Namespace = "web"
	// Port is that of all instances.
	Port = 8080
)

// Dataset is a set of services, each with as many instances.
type Dataset struct {
	Services, Each int
	// In is their namespace; empty for Namespace. Zone files and SkyDNS have Namespace alone.
	In string
}

func (d Dataset) namespace() string { return cmp.Or(d.In, Namespace) }

// Instances is how many there are in all.
func (d Dataset) Instances() int { return d.Services * d.Each }

// Service is the name of the n-th service.
func (d Dataset) Service(n int) string { return fmt.Sprintf("s%05d", n) }

// Host is the DNS name of an instance, without a dot at the end.
func (d Dataset) Host(instance int) string {
	return fmt.Sprintf("%d.%s.%s.%s", instance%d.Each, d.Service(instance/d.Each), d.namespace(), Zone)
}

// Address is that of an instance, counted through all services.
func Address(instance int) string {
	return fmt.Sprintf("10.%d.%d.%d", instance>>16&255, instance>>8&255, instance&255)
}

// Key is the key of an instance in etcd.
func (d Dataset) Key(prefix string, instance int) string {
	return fmt.Sprintf("%s/%s/%s/%d", prefix, d.namespace(), d.Service(instance/d.Each), instance%d.Each)
}

// Value is an instance as it is registered, with some metadata as programs have.
func Value(address string) string {
	return fmt.Sprintf(`{"addresses":[%q],"ports":[{"name":"http","port":%d}],"metadata":{"version":"1.2.3","zone":"a"}}`, address, Port)
}

// Registry has the keys and values of all instances.
func (d Dataset) Registry(prefix string) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for n := range d.Instances() {
			if !yield(d.Key(prefix, n), Value(Address(n))) {
				return
			}
		}
	}
}

// SkyDNS has the same instances as CoreDNS's etcd plugin reads them below a path.
func (d Dataset) SkyDNS(path string) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for n := range d.Instances() {
			key := fmt.Sprintf("%s/internal/svc/%s/%s/%d", path, Namespace, d.Service(n/d.Each), n%d.Each)
			if !yield(key, fmt.Sprintf(`{"host":%q,"port":%d}`, Address(n), Port)) {
				return
			}
		}
	}
}

// WriteZone writes the same instances as a zone file.
func (d Dataset) WriteZone(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "$ORIGIN %s.\n$TTL 5\n@ SOA ns.dns hostmaster 1 3600 600 86400 5\n@ NS ns.dns\nns.dns A 127.0.0.1\n", Zone)
	for n := range d.Instances() {
		service := d.Service(n/d.Each) + "." + Namespace
		host := fmt.Sprintf("%d.%s", n%d.Each, service)
		fmt.Fprintf(b, "%s A %s\n%s A %[2]s\n_http._tcp.%[3]s SRV 0 100 %[4]d %[1]s\n", host, Address(n), service, Port)
	}
	return b.Flush()
}

// Kind is a kind of question.
type Kind struct {
	Type string // A or SRV
	EDNS bool
}

// Kinds are those that are measured.
var Kinds = []Kind{{"A", false}, {"A", true}, {"SRV", false}, {"SRV", true}}

// String is the kind's part of a row's ID.
func (k Kind) String() string {
	if k.EDNS {
		return k.Type + "+EDNS"
	}
	return k.Type
}

// Name is the name that is asked of a service. SkyDNS's keys have no port's name.
func (k Kind) Name(service string, skydns bool) string {
	name := service + "." + Namespace + "." + Zone
	if k.Type == "SRV" && !skydns {
		return "_http._tcp." + name
	}
	return name
}

// questionSeed makes all servers of all runs get their questions in the same order.
const questionSeed = 1

// WriteQuestions writes a question for each service, in random order.
func (d Dataset) WriteQuestions(w io.Writer, k Kind, skydns bool) error {
	b := bufio.NewWriter(w)
	for _, n := range rand.New(rand.NewPCG(questionSeed, 0)).Perm(d.Services) {
		fmt.Fprintln(b, k.Name(d.Service(n), skydns), k.Type)
	}
	return b.Flush()
}
