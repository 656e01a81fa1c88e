package faults_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

// bad is a key or a value that can't be served.
type bad struct {
	what string
	// key is below "/roster/"; empty for a well-formed one in a service that is
	// asked for all the time.
	key, value string
	// reason is the label of coredns_roster_skipped_total that counts it.
	reason string
	// unleased writes it without a lease.
	unleased bool
}

const goodValue = `{"addresses":["10.9.0.9"],"ports":[{"name":"http","port":8080}]}`

// with is a good value but for more members.
func with(members string) string { return strings.TrimSuffix(goodValue, "}") + "," + members + "}" }

// list is n elements made from their numbers.
func list(n int, format string) string {
	var elements []string
	for i := range n {
		elements = append(elements, fmt.Sprintf(format, i+1))
	}
	return "[" + strings.Join(elements, ",") + "]"
}

var badData = []bad{
	{what: "no value", value: "", reason: "value"},
	{what: "not JSON", value: `{"addresses":[`, reason: "value"},
	{what: "not an object", value: `["10.9.0.9"]`, reason: "value"},
	{what: "more after the object", value: goodValue + "{}", reason: "value"},
	{what: "invalid UTF-8", value: with("\"metadata\":{\"k\":\"\xff\"}"), reason: "value"},
	{what: "over 64 KiB", value: with(`"padding":"` + strings.Repeat("x", 64<<10) + `"`), reason: "value"},
	{what: "1 MiB", value: with(`"padding":"` + strings.Repeat("x", 1<<20) + `"`), reason: "value"},
	{what: "nested deeply", value: with(`"padding":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000)), reason: "value"},
	{what: "no addresses", value: `{"ports":[{"port":8080}]}`, reason: "value"},
	{what: "address with a zone", value: `{"addresses":["fe80::1%eth0"]}`, reason: "value"},
	{what: "mapped address", value: `{"addresses":["::ffff:10.9.0.9"]}`, reason: "value"},
	{what: "unspecified address", value: `{"addresses":["0.0.0.0"]}`, reason: "value"},
	{what: "multicast address", value: `{"addresses":["ff02::1"]}`, reason: "value"},
	{what: "not an address", value: `{"addresses":["10.9.0.256"]}`, reason: "value"},
	{what: "33 addresses", value: `{"addresses":` + list(33, `"10.9.0.%d"`) + `}`, reason: "value"},
	{what: "addresses of a wrong type", value: `{"addresses":"10.9.0.9"}`, reason: "value"},
	{what: "host beside addresses", value: with(`"host":"db.example.com"`), reason: "value"},
	{what: "host that is an address", value: `{"host":"10.9.0.9"}`, reason: "value"},
	{what: "port 0", value: `{"addresses":["10.9.0.9"],"ports":[{"port":0}]}`, reason: "value"},
	{what: "port 70000", value: `{"addresses":["10.9.0.9"],"ports":[{"port":70000}]}`, reason: "value"},
	{what: "duplicate ports", value: `{"addresses":["10.9.0.9"],"ports":[{"name":"a","port":1},{"name":"a","port":2}]}`, reason: "value"},
	{what: "33 ports", value: `{"addresses":["10.9.0.9"],"ports":` + list(33, `{"name":"p%[1]d","port":%[1]d}`) + `}`, reason: "value"},
	{what: "name of a port", value: `{"addresses":["10.9.0.9"],"ports":[{"name":"no_name","port":1}]}`, reason: "value"},
	{what: "weight 65536", value: with(`"weight":65536`), reason: "value"},
	{what: "priority below 0", value: with(`"priority":-1`), reason: "value"},
	{what: "33 tags", value: with(`"tags":` + list(33, `"t%d"`)), reason: "value"},
	{what: "tag that is no label", value: with(`"tags":["a.b"]`), reason: "value"},
	{what: "locality that is no label", value: with(`"locality":"../x"`), reason: "value"},
	{what: "'=' in a key of metadata", value: with(`"metadata":{"a=b":"c"}`), reason: "value"},
	{what: "keys of metadata equal but for case", value: with(`"metadata":{"a":"1","A":"2"}`), reason: "value"},
	{what: "256 bytes of metadata in one string", value: with(`"metadata":{"k":"` + strings.Repeat("x", 254) + `"}`), reason: "value"},
	{what: "no lease, and not static", value: goodValue, unleased: true, reason: "lease"},
	{what: "override that is not JSON", key: "changing/things/_status/overridden", value: "down", reason: "override"},
	{what: "key of one component", key: "stable", value: goodValue, reason: "key"},
	{what: "key of two components", key: "stable/orders", value: goodValue, reason: "key"},
	{what: "key of four components", key: "stable/orders/bad/x", value: goodValue, reason: "key"},
	{what: "empty component", key: "stable//bad", value: goodValue, reason: "key"},
	{what: "nothing but the prefix", key: "", value: goodValue, reason: "key"},
	{what: "upper case", key: "stable/orders/Bad", value: goodValue, reason: "key"},
	{what: "hyphen at the end", key: "stable/orders/bad-", value: goodValue, reason: "key"},
	{what: "dot in a label", key: "stable/orders/bad.bad", value: goodValue, reason: "key"},
	{what: "label of 64 bytes", key: "stable/orders/" + strings.Repeat("b", 64), value: goodValue, reason: "key"},
	{what: "control bytes", key: "stable/orders/bad\r\n\x1b[31m\x00", value: goodValue, reason: "key"},
	{what: "invalid UTF-8 in the key", key: "stable/orders/bad\xff", value: goodValue, reason: "key"},
	{what: "another direction of writing", key: "stable/orders/bad\u202e", value: goodValue, reason: "key"},
	{what: "the reserved namespace", key: "dns/orders/bad", value: goodValue, reason: "key"},
	{what: "key of 1 MiB", key: "stable/orders/" + strings.Repeat("k", 1<<20), value: goodValue, reason: "key"},
}

// maxLogLine bounds a line about a key of any length: that of a key and of an
// error, quoted.
const maxLogLine = 2 << 10

// TestBadData writes each kind of data that can't be served: it is skipped,
// counted, and logged once with its key quoted, and nothing else changes.
func TestBadData(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{proxied: true})
	lease, err := r.etcd.Client().Grant(t.Context(), 600)
	if err != nil {
		t.Fatal(err)
	}
	overridden := changing("overridden", 1)
	r.put(t, overridden)
	denied := []string{"/roster/stable/nobody/a"}
	byReason := map[string]float64{}
	all := slices.Clone(badData)
	for i := range all {
		b := &all[i]
		if b.key == "" && b.reason != "key" {
			b.key = fmt.Sprintf("stable/orders/bad-%d", i)
			denied = append(denied, "/roster/"+b.key)
		}
		r.writeBad(t, *b, lease.ID)
		byReason[b.reason]++
		harness.Eventually(t, harness.Patience, b.what+" being counted", func() error {
			if got := r.dns.Metrics(t).By("coredns_roster_skipped_total", "reason"); fmt.Sprint(got) != fmt.Sprint(byReason) {
				return fmt.Errorf("skipped %v, want %v", got, byReason)
			}
			return nil
		})
	}
	t.Logf("%d kinds of bad data, by reason: %v", len(badData), byReason)
	// A list shows all of it to the mirror again.
	before := r.listed(t)
	r.proxies[0].Cut()
	c := newChanges(t, r, "canary")
	for range 2 {
		if err := c.write(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.etcd.Compact(t)
	r.proxies[0].Reset()
	r.proxies[0].Heal()
	c.next(t, equalBound)
	harness.Eventually(t, equalBound, "the list", func() error { return harness.True(r.listed(t) > before) })
	for _, b := range all {
		r.checkLogged(t, b)
	}
	overridden.Status = "down"
	r.eventuallyMatches(t, equalBound, "the overridden one out of its service", harness.Answers(zone, []harness.Instance{overridden, c.in}))
	soak, _ := harness.Soak(t)
	harness.Elapse(t, soak)
	r.eventuallyMatches(t, equalBound, "the others being unaffected", harness.Answers(zone, r.stable, denied...))
	r.stopStreams(t)
}

func (r *rig) writeBad(t *testing.T, b bad, lease clientv3.LeaseID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	var opts []clientv3.OpOption
	if !b.unleased {
		opts = append(opts, clientv3.WithLease(lease))
	}
	if _, err := r.etcd.Client().Put(ctx, "/roster/"+b.key, b.value, opts...); err != nil {
		t.Fatalf("%s: %v", b.what, err)
	}
}

// checkLogged checks that the DNS server wrote one line about a key, with the
// key quoted, and with its start only where it is long.
func (r *rig) checkLogged(t *testing.T, b bad) {
	t.Helper()
	const enough = 200 // bytes of a key, to know it by
	quoted := strings.Trim(strconv.Quote(b.key), `"`) + `"`
	if len(b.key) > enough {
		quoted = b.key[:enough]
	}
	lines := harness.Lines(r.dns.Output(), `/`+quoted)
	if lines == nil {
		lines = harness.Lines(r.dns.Output(), `"`+quoted) // the key without the prefix
	}
	if len(lines) != 1 {
		t.Errorf("%s: logged %d times, want once, with the key %s", b.what, len(lines), quoted)
	}
	for _, line := range lines {
		if len(line) > maxLogLine {
			t.Errorf("%s: logged a line of %d bytes", b.what, len(line))
		}
	}
}

// TestBadValueMended makes a good value bad, and good again: the instance goes,
// and comes back. One with a status that nobody knows counts as down.
func TestBadValueMended(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	in := changing("spoilt", 1)
	r.put(t, in)
	r.put(t, changing("beside", 2))
	odd := changing("odd", 3)
	odd.Status = "resting"
	r.put(t, odd)
	r.equal(t, equalBound, settled)
	if _, err := r.etcd.Client().Put(t.Context(), in.Key(), "spoilt"); err != nil {
		t.Fatal(err)
	}
	r.equal(t, equalBound, settled)
	if code := r.dns.Ask(t, "spoilt.things.changing."+zone, dns.TypeA).Rcode; code != dns.RcodeNameError {
		t.Errorf("an instance with a bad value: %s", dns.RcodeToString[code])
	}
	r.put(t, in)
	r.equal(t, equalBound, settled)
	r.finish(t)
}
