package catalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

// with returns the JSON of a valid instance with one more member.
func with(member string) string { return `{"addresses":["10.0.0.7"],` + member + `}` }

// TestDecodeValue has what readers take, and what it becomes.
func TestDecodeValue(t *testing.T) {
	t.Parallel()
	type instance = catalog.Instance
	edit := func(f func(*instance)) instance { in := minimal(); f(&in); return in }
	ports := func(ps ...catalog.Port) instance { return edit(func(in *instance) { in.Ports = ps }) }
	host := edit(func(in *instance) { in.Addresses, in.Host = nil, "db1.example.com" })
	tests := []struct {
		name, value string
		want        instance
	}{
		{"all members", typicalValue, typical()},
		{"defaults", `{"addresses":["10.0.0.7"]}`, minimal()},
		{"white space", " \n{\t\"addresses\" : [ \"10.0.0.7\" ] }\r\n", minimal()},
		{"host", `{"host":"db1.example.com"}`, host},
		{"host in another spelling", `{"host":"DB1.EXAMPLE.COM."}`, host},
		{"host beside no addresses", `{"host":"db1.example.com","addresses":[]}`, host},
		{"addresses beside no host", with(`"host":""`), minimal()},
		{"address in another spelling", `{"addresses":["2001:DB8:0:0::0007"]}`, edit(func(in *instance) { in.Addresses = addrs("2001:db8::7") })},

		{"unknown members", with(`"future":{"a":[1]},"":0,"zz":null`), minimal()},
		{"unknown member nested as deep as can be", with(`"x":` + strings.Repeat(`[{"":`, maxDepth/2-1) + "[]" + strings.Repeat("}]", maxDepth/2-1)), minimal()},
		{"id is an unknown member", with(`"id":"other"`), minimal()},
		{"id of any form", with(`"id":{"a":1}`), minimal()},
		{"members of another case", with(`"Weight":7,"STATUS":"down","Host":"db1.example.com","tAgs":["x"]`), minimal()},
		{"unknown members of a port", with(`"ports":[{"port":80,"tls":true,"Name":"x"}]`), ports(catalog.Port{Port: 80, Protocol: "tcp"})},
		{"all null", with(`"host":null,"ports":null,"weight":null,"priority":null,"ttl":null,"locality":null,"tags":null,"metadata":null,"status":null,"static":null`), minimal()},
		{"null members of a port", with(`"ports":[{"name":null,"port":80,"protocol":null}]`), ports(catalog.Port{Port: 80, Protocol: "tcp"})},
		{"all empty", with(`"host":"","ports":[],"weight":0,"priority":0,"ttl":0,"locality":"","tags":[],"metadata":{},"status":"","static":false`), minimal()},
		{"escapes", with(`"metadata":{"\u0041":"\u00e9\n"}`), edit(func(in *instance) { in.Metadata = map[string]string{"A": "é\n"} })},

		{"escapes in names", `{"\u0061ddresses":["10.0.0\u002e7"],"ta\u0067s":["\u0061"],"\u0077eight":7}`, edit(func(in *instance) { in.Tags, in.Weight = []string{"a"}, 7 })},
		{"all escapes", with(`"metadata":{"k":"\"\\\/\b\f\n\r\t\u00E9\u00e9\ud83d\ude00"}`), edit(func(in *instance) { in.Metadata = map[string]string{"k": "\"\\/\b\f\n\r\téé😀"} })},

		{"protocol default", with(`"ports":[{"port":80},{"name":"a","port":81,"protocol":""}]`), ports(catalog.Port{Port: 80, Protocol: "tcp"}, catalog.Port{Name: "a", Port: 81, Protocol: "tcp"})},
		{"protocol udp", with(`"ports":[{"port":53,"protocol":"udp"}]`), ports(catalog.Port{Port: 53, Protocol: "udp"})},
		{"protocol unknown is dropped", with(`"ports":[{"port":1,"protocol":"sctp"},{"port":80},{"port":2,"protocol":"TCP"}]`), ports(catalog.Port{Port: 80, Protocol: "tcp"})},
		{"a dropped port obeys no rule", with(`"ports":[{"name":"Not A Name","port":0,"protocol":"quic"},{"protocol":"quic"}]`), minimal()},
		{"port 1 and 65535", with(`"ports":[{"name":"a","port":1},{"name":"b","port":65535}]`), ports(catalog.Port{Name: "a", Port: 1, Protocol: "tcp"}, catalog.Port{Name: "b", Port: 65535, Protocol: "tcp"})},

		{"status draining", with(`"status":"draining"`), edit(func(in *instance) { in.Status = catalog.StatusDraining })},
		{"status down", with(`"status":"down"`), edit(func(in *instance) { in.Status = catalog.StatusDown })},
		{"status unknown", with(`"status":"asleep"`), edit(func(in *instance) { in.Status = catalog.StatusDown })},
		{"status of another case", with(`"status":"Up"`), edit(func(in *instance) { in.Status = catalog.StatusDown })},
		{"static", with(`"static":true`), edit(func(in *instance) { in.Static = true })},
		{"largest numbers", with(`"weight":65535,"priority":65535,"ttl":4294967295`), edit(func(in *instance) { in.Weight, in.Priority, in.TTL = 65535, 65535, 1<<32-1 })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			value := []byte(tt.value)
			got, err := catalog.DecodeValue("a", value)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %#v\nwant %#v", got, tt.want)
			}
			clear(value)
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("the result refers to the value: %#v", got)
			}
			again, err := catalog.DecodeValue("a", got.EncodeValue())
			if err != nil || !reflect.DeepEqual(again, got) {
				t.Errorf("written and read again: %#v, %v", again, err)
			}
		})
	}
}

// TestDecodeValueRefuses has what readers skip, and the member that the error names. CoreDNS's
// plugin etcd serves port 70000 as 4464.
func TestDecodeValueRefuses(t *testing.T) {
	t.Parallel()
	many := func(n int, s string) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }
	tests := []struct{ name, value, field string }{
		{"nothing", ``, "value"},
		{"white space", " ", "value"},
		{"null", `null`, "value"},
		{"array", `[]`, "value"},
		{"string", `"up"`, "value"},
		{"number", `1`, "value"},
		{"cut", `{"addresses":["10.0.0.7"]`, "value"},
		{"trailing data", `{"addresses":["10.0.0.7"]}x`, "value"},
		{"NUL at the end", `{"addresses":["10.0.0.7"]}` + "\x00", "value"},
		{"two objects", `{"addresses":["10.0.0.7"]}{}`, "value"},
		{"comma at the end", `{"addresses":["10.0.0.7"],}`, "value"},
		{"byte order mark", "\ufeff" + `{"addresses":["10.0.0.7"]}`, "value"},
		{"not UTF-8 in a known member", with("\"locality\":\"\xff\""), "value"},
		{"not UTF-8 in an unknown member", with("\"x\":\"\xc3\x28\""), "value"},
		{"nested too deep", with(`"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000)), "value"},

		{"nested one too deep", with(`"x":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)), "value"},
		{"nested one too deep by objects", with(`"x":` + strings.Repeat(`{"":`, maxDepth) + "0" + strings.Repeat("}", maxDepth)), "value"},

		{"member twice", with(`"weight":7,"weight":7`), "value"},
		{"member twice, then null", with(`"status":"down","status":null`), "value"},
		{"member twice, by an escape", with(`"weight":7,"\u0077eight":8`), "value"},
		{"member twice, far apart", `{"addresses":["10.0.0.7"],"weight":7,"addresses":["10.0.0.7"]}`, "value"},
		{"member of a port twice", with(`"ports":[{"port":80,"port":80}]`), "value"},
		{"metadata key twice", with(`"metadata":{"k":"a","k":"b"}`), "value"},
		{"unknown member twice", with(`"x":1,"x":2`), "value"},
		{"member of an unknown member twice", with(`"x":[{"y":{"z":1,"z":2}}]`), "value"},
		{"half a surrogate pair", with(`"metadata":{"k":"\ud83d."}`), "value"},
		{"half a surrogate pair in an unknown member", with(`"x":"\ude00"`), "value"},

		{"no address", `{}`, "addresses"},
		{"empty addresses", `{"addresses":[]}`, "addresses"},
		{"addresses not an array", `{"addresses":"10.0.0.7"}`, "addresses"},
		{"address not a string", `{"addresses":["10.0.0.7",10]}`, "addresses[1]"},
		{"address null", `{"addresses":["10.0.0.7",null]}`, "addresses[1]"},
		{"address not an IP", `{"addresses":["10.0.0.7","db1"]}`, "addresses[1]"},
		{"address with leading zero", `{"addresses":["10.0.0.07"]}`, "addresses[0]"},
		{"address with port", `{"addresses":["10.0.0.7:80"]}`, "addresses[0]"},
		{"address with prefix", `{"addresses":["10.0.0.0/8"]}`, "addresses[0]"},
		{"address with zone", `{"addresses":["fe80::1%eth0"]}`, "addresses[0]"},
		{"address mapped", `{"addresses":["::ffff:10.0.0.7"]}`, "addresses[0]"},
		{"address link-local", `{"addresses":["10.0.0.7","169.254.169.254"]}`, "addresses[1]"},
		{"address multicast", `{"addresses":["ff02::1"]}`, "addresses[0]"},
		{"33 addresses", `{"addresses":[` + many(33, `"10.0.0.7"`) + `]}`, "addresses"},
		{"33 addresses that are none", `{"addresses":[` + many(33, `""`) + `]}`, "addresses[0]"},
		{"host and addresses", with(`"host":"db1.example.com"`), "host"},
		{"host root", `{"host":"."}`, "host"},
		{"host IP", `{"host":"10.0.0.7"}`, "host"},
		{"host IP with dot", `{"host":"10.0.0.7."}`, "host"},
		{"host of two dots at the end", `{"host":"a.."}`, "host"},
		{"host not a string", `{"host":["a"]}`, "host"},
		{"host with a letter like k", `{"host":"\u212a8s.example"}`, "host"},

		{"ports not an array", with(`"ports":{"http":80}`), "ports"},
		{"port not an object", with(`"ports":[{"port":80},80]`), "ports[1]"},
		{"port null", with(`"ports":[null]`), "ports[0]"},
		{"port missing", with(`"ports":[{"name":"http"}]`), "ports[0].port"},
		{"port 0", with(`"ports":[{"port":0}]`), "ports[0].port"},
		{"port -1", with(`"ports":[{"port":-1}]`), "ports[0].port"},
		{"port 1.5", with(`"ports":[{"port":1.5}]`), "ports[0].port"},
		{"port 65536", with(`"ports":[{"port":65536}]`), "ports[0].port"},
		{"port 70000", with(`"ports":[{"port":80,"name":"a"},{"port":70000}]`), "ports[1].port"},
		{"port huge", with(`"ports":[{"port":1e999999}]`), "ports[0].port"},
		{"port a string", with(`"ports":[{"port":"80"}]`), "ports[0].port"},
		{"port number of another case", with(`"ports":[{"Port":80}]`), "ports[0].port"},
		{"protocol a number", with(`"ports":[{"port":80,"protocol":6}]`), "ports[0].protocol"},
		{"port name", with(`"ports":[{"port":80,"name":"HTTP"}]`), "ports[0].name"},
		{"port twice once the unknown is dropped", with(`"ports":[{"port":80},{"port":80,"protocol":"sctp"},{"port":81}]`), "ports[1].name"},
		{"33 ports", with(`"ports":[` + many(33, `{"port":80}`) + `]`), "ports"},

		{"weight -1", with(`"weight":-1`), "weight"},
		{"weight 65536", with(`"weight":65536`), "weight"},
		{"weight 1.5", with(`"weight":1.5`), "weight"},
		{"weight a string", with(`"weight":"7"`), "weight"},
		{"priority 65536", with(`"priority":65536`), "priority"},
		{"ttl 4294967296", with(`"ttl":4294967296`), "ttl"},
		{"ttl a duration", with(`"ttl":"5s"`), "ttl"},
		{"locality", with(`"locality":"AZ1"`), "locality"},
		{"locality not a string", with(`"locality":1`), "locality"},
		{"tags not an array", with(`"tags":"canary"`), "tags"},
		{"tag null", with(`"tags":["a",null]`), "tags[1]"},
		{"tag not a string", with(`"tags":["a",["b"]]`), "tags[1]"},
		{"tag not a label", with(`"tags":["a","B"]`), "tags[1]"},
		{"33 tags", with(`"tags":[` + many(33, `"a"`) + `]`), "tags"},
		{"metadata not an object", with(`"metadata":["version=1"]`), "metadata"},
		{"metadata value not a string", with(`"metadata":{"version":1}`), `metadata["version"]`},
		{"metadata value not a string, under a number", with(`"metadata":{"0":1}`), `metadata["0"]`},
		{"metadata value an object", with(`"metadata":{"a":{}}`), `metadata["a"]`},
		{"metadata key", with(`"metadata":{"a=b":"c"}`), `metadata["a=b"]`},
		{"status not a string", with(`"status":1`), "status"},
		{"static not a boolean", with(`"static":"yes"`), "static"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := catalog.DecodeValue("a", []byte(tt.value))
			wantFault(t, err, tt.field)
			if !reflect.DeepEqual(got, catalog.Instance{}) {
				t.Errorf("returned %+v beside the error", got)
			}
			if strings.Contains(err.Error(), "json:") || strings.Contains(err.Error(), "Go ") {
				t.Errorf("the message %q speaks of Go", err)
			}
		})
	}
}

func TestDecodeValueSize(t *testing.T) {
	t.Parallel()
	value := func(n int) []byte {
		head, tail := `{"addresses":["10.0.0.7"],"future":"`, `"}`
		return []byte(head + strings.Repeat("x", n-len(head)-len(tail)) + tail)
	}
	if got, err := catalog.DecodeValue("a", value(64<<10)); err != nil || !reflect.DeepEqual(got, minimal()) {
		t.Errorf("64 KiB: %+v, %v", got, err)
	}
	_, err := catalog.DecodeValue("a", value(64<<10+1))
	wantFault(t, err, "value")
	o, err := catalog.DecodeOverride([]byte(`{"status":"draining"}` + strings.Repeat(" ", 64<<10)))
	wantFault(t, err, "value")
	if o != (catalog.Override{Status: catalog.StatusDown}) {
		t.Errorf("an override of more than 64 KiB reads as %+v", o)
	}
}

func TestDecodeValueChecksID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "A", "_status", label64, "a/b"} {
		_, err := catalog.DecodeValue(id, []byte(typicalValue))
		wantFault(t, err, "id")
	}
}

func TestDecodeOverride(t *testing.T) {
	t.Parallel()
	// Whoever wrote what can't be read wanted the instance out.
	unreadable := catalog.Override{Status: catalog.StatusDown}
	tests := []struct {
		value string
		want  catalog.Override
		field string
	}{
		{`{"status":"down","reason":"disk"}`, catalog.Override{Status: "down", Reason: "disk"}, ""},
		{`{"status":"draining"}`, catalog.Override{Status: "draining"}, ""},
		{`{"status":"up"}`, unreadable, "status"},
		{`{"status":"asleep"}`, unreadable, "status"},
		{`{"status":"DRAINING","reason":"disk"}`, unreadable, "status"},
		{`{"status":"down","reason":null,"by":"me","Reason":"x"}`, catalog.Override{Status: "down"}, ""},
		{`{"status":"up","status":"up"}`, unreadable, "value"},
		{`{"reason":"disk"}`, unreadable, "status"},
		{`{"Status":"down"}`, unreadable, "status"},
		{`{"status":""}`, unreadable, "status"},
		{`{"status":null}`, unreadable, "status"},
		{`{"status":true}`, unreadable, "status"},
		{`{"status":"down","reason":1}`, unreadable, "reason"},
		{``, unreadable, "value"},
		{`null`, unreadable, "value"},
		{`"down"`, unreadable, "value"},
		{`{"status":"down"}}`, unreadable, "value"},
		{"{\"status\":\"down\",\"reason\":\"\xff\"}", unreadable, "value"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%q", tt.value), func(t *testing.T) {
			t.Parallel()
			got, err := catalog.DecodeOverride([]byte(tt.value))
			wantFault(t, err, tt.field)
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
	t.Run("written", func(t *testing.T) {
		t.Parallel()
		for o, want := range map[catalog.Override]string{
			{Status: catalog.StatusDown, Reason: "disk"}: `{"status":"down","reason":"disk"}`,
			{Status: catalog.StatusDraining}:             `{"status":"draining"}`,
		} {
			got, err := json.Marshal(o)
			if err != nil || string(got) != want {
				t.Errorf("%+v is written as %s, %v, want %s", o, got, err, want)
			}
		}
	})
}

func TestOverrideFromAPerson(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"status":"draining","reason":"kernel"}`: "",
		`{"status":"down"}`:                       "",
		`{"status":"down","by":"me"}`:             `"by" is not a known member`,
		`{"status":"up"}`:                         `status "up" is neither`,
		`{}`:                                      `status is missing`,
		`null`:                                    `override is null`,
		`{"status":"down","status":"down"}`:       `override`,
	} {
		var o catalog.Override
		err := o.UnmarshalJSON([]byte(text))
		if want == "" && (err != nil || string(o.EncodeValue()) != text) || want != "" && (!errors.Is(err, catalog.ErrInvalid) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %+v, error %v; want %q", text, o, err, want)
		}
	}
}
