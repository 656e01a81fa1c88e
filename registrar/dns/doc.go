// Package dns is the driver "dns" of package registrar: it finds services by asking DNS
// servers that run CoreDNS's plugin roster, or secondaries and resolvers in front of them.
// It is for places without access to etcd: other networks, programs that aren't given
// credentials, hosts where only port 53 is open. Where etcd can be reached, the driver
// "etcd" tells more, and sooner.
//
//	import (
//		"github.com/rosterdns/roster/registrar"
//		"github.com/rosterdns/roster/registrar/dns"
//	)
//
//	client, err := registrar.Open(ctx, dns.Name, registrar.WithEndpoints("10.0.0.53", "10.0.0.54"))
//	…
//	orders, err := client.GetService(ctx, "prod/orders?prefer=az1")
//
// Endpoints are DNS servers, "HOST" or "HOST:PORT"; without any they are those of
// /etc/resolv.conf, which is read again when it can have changed; resolvers among them must
// forward the zone to the plugin. WithZone names the zone, registrar.WithNamespace the
// namespace of names without one.
//
// # What it takes from DNS
//
// The instances of a service are those of the SRV records at its name. So the policy of the
// service applies, and what the server adds of its own: max_answers, allow_net, deny_net,
// keep_last, and the locality of the client's network. For the names of ports DNS-SD is
// asked (RFC 6763), and for addresses that had no room in the answer, one by one. Members of
// an instance come from
//
//	ID         the first label of an SRV record's target; for a host what
//	           catalog.Instance.StableID makes of it
//	Addresses  A and AAAA records of the target, in ascending order
//	Host       a target, or a CNAME, that is no instance's name in the zone
//	Ports      SRV records, in ascending order; names and protocols from those at
//	           _PORT._PROTOCOL.SERVICE
//	Weight,    SRV records
//	Priority
//	Metadata   TXT records of the instance, with WithMetadata alone
//
// Records that come to an instance that breaks a rule of package catalog are left out. TTL,
// Locality, Tags and Static are empty, and Status is up: DNS doesn't say. It doesn't show
// revisions either: Revision counts, for each client and name, the sets that were seen.
//
// # What is missing
//
//   - Register, Unregister, Drain, Undrain, List, WatchList and Wait: they return
//     registrar.ErrUnsupported. So do names with status=any, with more than four tags, or
//     that are too long for DNS.
//   - Instances without ports: they have no SRV records. Hosts are the exception if they
//     are alone.
//   - Names of an instance's ports are complete only if no answer was a sample (max_answers)
//     or older than another one, as from the cache of a resolver. A port whose name isn't
//     known has none, and counts as TCP. A host that alone answers for an alias has no ports.
//   - Of two ports of an instance that are equal but for the number, the lower one counts.
//   - A service whose SRV records are more than a DNS message holds, some 1,000 to 1,500
//     instances, is shown by the server in part; with max_answers each service is. Each
//     renewal then has another part, and Watch yields it.
//   - Snapshots, TLS and credentials: options for these are registrar.ErrInvalid.
//
// # Renewal
//
// The first call for a name asks DNS, and waits for at most a second. From then on a
// goroutine renews it: whenever nine tenths of its lowest TTL are over, a little later at
// random, but at most once a second and at least every five minutes. Ten minutes after the
// last call, and the end of the last Watch, that ends. A renewal costs a question for the
// service, one for the names of its ports, and one for each of these; and two for each
// instance whose addresses had no room beside them, even over TCP, as in services of many
// hundreds.
//
// A change shows after the TTL at the latest: 5 seconds by the plugin's default, and the
// same again with a resolver in between. A process that ends should drain for so long.
//
// # Failures
//
// Questions go to the server that answered last, and to the next one if it is silent for
// 0.4 s, can't be reached, fails (SERVFAIL, REFUSED) or doesn't know the zone; then once
// more, with two seconds, to those that were silent. They are asked over UDP, and over TCP
// if the answer is truncated, or lacks addresses. Where no server answers, what is known stays, and is Stale;
// it is tried again within ten seconds. Before anything is known calls get
// registrar.ErrUnavailable. Stale is set too while the server says that it has lost
// its registry (RFC 8914). That a name or its records don't exist is
// registrar.ErrNotFound.
//
// DNS is asked in the clear, with random ports and IDs (RFC 5452): who can read and change
// the traffic can forge answers.
package dns
