package catalog_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

func TestEncodeValue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		in   catalog.Instance
		want string
	}{
		{"typical", typical(), typicalValue},
		{"minimal", minimal(), `{"addresses":["10.0.0.7"],"weight":100,"priority":0,"status":"up"}`},
		{
			"host",
			catalog.Instance{ID: "a", Host: "db1.example.com", Ports: []catalog.Port{{Port: 53, Protocol: "udp"}}, Weight: 1, Priority: 2, Status: "draining", Static: true},
			`{"host":"db1.example.com","ports":[{"port":53,"protocol":"udp"}],"weight":1,"priority":2,"status":"draining","static":true}`,
		},
		{
			"no escapes for HTML",
			func() catalog.Instance { in := minimal(); in.Metadata = map[string]string{"q": "<a&b>"}; return in }(),
			`{"addresses":["10.0.0.7"],"weight":100,"priority":0,"metadata":{"q":"<a&b>"},"status":"up"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := tt.in.EncodeValue()
			if string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			back, err := catalog.DecodeValue("a", got)
			if err != nil || !reflect.DeepEqual(back, tt.in) {
				t.Errorf("read again: %+v, %v", back, err)
			}
		})
	}
}

// TestEncodeValueFits checks that the rules for members keep every valid
// instance within the limit of its value, escapes included.
func TestEncodeValueFits(t *testing.T) {
	t.Parallel()
	in := catalog.Instance{
		ID:        label63,
		Addresses: addrs(repeat(32, func(i int) string { return fmt.Sprintf("2001:db8:ffff:ffff:ffff:ffff:ffff:ff%02x", i) })...),
		Ports: repeat(32, func(i int) catalog.Port {
			return catalog.Port{Name: fmt.Sprintf("abcdefghijklm%02d", i), Port: 65535, Protocol: "tcp"}
		}),
		Weight: 65535, Priority: 65535, TTL: 1<<32 - 1,
		Locality: label63,
		Tags:     repeat(32, func(i int) string { return fmt.Sprintf("%02d%s", i, label63[2:]) }),
		Metadata: map[string]string{},
		Status:   catalog.StatusDraining,
		Static:   true,
	}
	for i := range 16 {
		k := fmt.Sprintf("%02d", i)
		in.Metadata[k] = strings.Repeat("\x00", catalog.MaxMetadataPair-1-len(k))
	}
	s := &catalog.Service{Namespace: label63, Name: label63, Instances: []catalog.Instance{in}}
	prepared, err := s.Prepare("")
	if err != nil {
		t.Fatal(err)
	}
	value := prepared.Instances[0].EncodeValue()
	if len(value) < 28<<10 {
		t.Fatalf("the value has %d bytes only: the test is not at the limits", len(value))
	}
	if got, err := catalog.DecodeValue(label63, value); err != nil || !reflect.DeepEqual(got, in) {
		t.Errorf("read again: %+v, %v", got, err)
	}
}
