package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

// TestDecodeForms reads values in the form that most have, and in others that come close
// to it, and compares what is read with the reference.
func TestDecodeForms(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		typicalValue,
		`{}`, `{"addresses":[]}`, `{"addresses":["10.0.0.1"]}`, `{"addresses":["10.0.0.1","2001:db8::1"],"tags":["a","b"]}`,
		`{"host":"db.example.com","ports":[{"port":5432}]}`, `{"addresses":["10.0.0.1"],"static":true}`,
		`{"addresses":["10.0.0.1"],"static":false}`, `{"addresses":["10.0.0.1"],"static":truex}`,
		`{"ports":[{"port":80}],"addresses":["10.0.0.1"]}`, `{"addresses":["10.0.0.1"],"addresses":["10.0.0.2"]}`,
		`{"addresses":["10.0.0.1"],"weight":0,"weight":5}`, `{"addresses":["10.0.0.1"],"weight":05}`, `{"addresses":["10.0.0.1"],"weight":0}`,
		`{"addresses":["10.0.0.1"],"weight":65535}`, `{"addresses":["10.0.0.1"],"weight":65536}`, `{"addresses":["10.0.0.1"],"weight":1e2}`,
		`{"addresses":["10.0.0.1"],"weight":1.0}`, `{"addresses":["10.0.0.1"],"weight":-1}`, `{"addresses":["10.0.0.1"],"weight":}`,
		`{"addresses":["10.0.0.1"],"ttl":4294967295}`, `{"addresses":["10.0.0.1"],"ttl":99999999999999999999999}`,
		`{"addresses":["10.0.0.1"],"metadata":{}}`, `{"addresses":["10.0.0.1"],"metadata":{"a":"1","a":"2"}}`,
		`{"addresses":["10.0.0.1"],"metadata":{"a":"1","b":""}}`, `{"addresses":["10.0.0.1"],"metadata":{"b":"1","a":"2","b":"3"}}`, `{"addresses":["10.0.0.1"],"metadata":{"a":"é"}}`,
		`{"addresses":["10.0.0.1"],"metadata":{"a":"\u0041"}}`, `{"addresses":["10.0.0.1"],"metadata":{"a":"` + "\x01" + `"}}`,
		`{"addresses":["10.0.0.1"],"metadata":{"a":"` + "\xff" + `"}}`, `{"addresses":["10.0.0.1"],"metadata":{"a":1}}`,
		`{"addresses":["10.0.0.1"],"metadata":{"a":"1",}}`, `{"addresses":["10.0.0.1"],"metadata":{,"a":"1"}}`,
		`{"addresses":["10.0.0.1"],"status":"up"}`, `{"addresses":["10.0.0.1"],"status":"odd"}`, `{"addresses":["10.0.0.1"],"status":null}`,
		`{"addresses":["10.0.0.1"],"ports":[{"name":"a","port":1,"protocol":"sctp"},{"name":"a","port":1,"protocol":"udp"}]}`,
		`{"addresses":["10.0.0.1"],"ports":[{}]}`, `{"addresses":["10.0.0.1"],"ports":[{"port":1},]}`, `{"addresses":["10.0.0.1"],"ports":[,{"port":1}]}`,
		`{"addresses":["10.0.0.1"],"ports":[{"port":1}{"port":2}]}`, `{"addresses":["10.0.0.1"]"ports":[{"port":1}]}`,
		`{"addresses":["10.0.0.1"],}`, `{,"addresses":["10.0.0.1"]}`, `{"addresses":["10.0.0.1"],"more":1}`, `{"addresses":["10.0.0.1"]} `,
		`{"addresses":["10.0.0.1"]}x`, ` {"addresses":["10.0.0.1"]}`, `{"addresses": ["10.0.0.1"]}`, `{"addresses":["10.0.0.1"`, `{"addresses":["10.0.0.1`,
		`{"addresses":["10.0.0"]}`, `{"addresses":["fe80::1%eth0"]}`, `{"addresses":null}`, `[]`, `null`, ``,
	} {
		got, err := catalog.DecodeValue("a", []byte(value))
		want, wantErr := refDecodeValue("a", []byte(value))
		agree(t, got, err, want, wantErr)
	}
}

// TestDecodeKeepsNoValue: what is read stays as it is when the value's memory is used
// for another.
func TestDecodeKeepsNoValue(t *testing.T) {
	t.Parallel()
	value := []byte(typicalValue)
	got, err := catalog.DecodeValue("a", value)
	if err != nil {
		t.Fatal(err)
	}
	before := got.Clone()
	copy(value, strings.Repeat("x", len(value)))
	if !got.Equal(&before) {
		t.Errorf("it became %+v", got)
	}
}

// TestDecoder: of what a Decoder has read before nothing is left in what it reads next.
func TestDecoder(t *testing.T) {
	t.Parallel()
	var d catalog.Decoder
	for _, value := range []string{
		typicalValue, `{"host":"h.example"}`, typicalValue, `{"host":"h.example","metadata":{"a":"1"}}`, `{"addresses":["10.0.0.1"],"tags":["a"]`,
		`{"host":"h.example","metadata":{"b":"1","a":"2"}}`,
		`{"addresses":["10.0.0.1","10.0.0.2"],"tags":["a","b"],"ports":[{"port":1}]}`, `{"addresses": ["10.0.0.1"]}`, `{"tags":["c"]}`, `{"host":"h.example"}`,
	} {
		got, err := d.Decode("a", []byte(value))
		want, wantErr := refDecodeValue("a", []byte(value))
		if err != nil {
			got = &catalog.Flat{}
		}
		flat := want.Flat()
		agree(t, got.Instance, err, flat.Instance, wantErr)
		if !slices.Equal(got.Pairs, flat.Pairs) {
			t.Errorf("%s has metadata %q, want %q", value, got.Pairs, flat.Pairs)
		}
	}
}
