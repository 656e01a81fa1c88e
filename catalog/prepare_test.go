package catalog_test

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

func TestPrepare(t *testing.T) {
	t.Parallel()
	desired := &catalog.Service{
		Name:  "orders",
		Stale: true, // of no meaning in a desired service
		Instances: []catalog.Instance{
			{Addresses: addrs("10.0.0.7"), Ports: []catalog.Port{{Name: "http", Port: 8080}}, Tags: []string{}},
			{Host: "DB1.example.com.", Ports: []catalog.Port{{Port: 5432}}},
			{ID: "given", Addresses: addrs("::1"), Weight: 7, Status: catalog.StatusDraining},
		},
	}
	before := desired.Clone()
	got, err := desired.Prepare("shop")
	if err != nil {
		t.Fatal(err)
	}
	want := &catalog.Service{
		Namespace: "shop",
		Name:      "orders",
		Instances: []catalog.Instance{
			{ID: "10-0-0-7-8080", Addresses: addrs("10.0.0.7"), Ports: []catalog.Port{{Name: "http", Port: 8080, Protocol: "tcp"}}, Weight: 100, Status: "up"},
			{ID: "h-ed3cca5d4b9dcaec", Host: "db1.example.com", Ports: []catalog.Port{{Port: 5432, Protocol: "tcp"}}, Weight: 100, Status: "up"},
			{ID: "given", Addresses: addrs("::1"), Weight: 7, Status: "draining"},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !reflect.DeepEqual(desired.Clone(), before) {
		t.Errorf("the service was changed: %+v", desired)
	}
	got.Instances[0].Ports[0].Port = 1
	got.Instances[0].Addresses[0] = got.Instances[2].Addresses[0]
	if !reflect.DeepEqual(desired.Clone(), before) {
		t.Error("the result shares memory with the argument")
	}
	again, err := got.Clone().Prepare("other")
	if err != nil || again.Namespace != "shop" || again.Instances[1].ID != want.Instances[1].ID {
		t.Errorf("preparing what is prepared: %+v, %v", again, err)
	}
}

func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	type service = catalog.Service
	instances := func(ins ...catalog.Instance) *service {
		return &service{Namespace: "default", Name: "orders", Instances: ins}
	}
	second := minimal()
	second.ID = "b"
	twoFaults := minimal()
	twoFaults.Tags = []string{"T"}
	tests := []struct {
		name    string
		service *service
		field   string
	}{
		{"nil", nil, "service"},
		{"no instances", instances(), ""},
		{"two instances", instances(minimal(), second), ""},
		{"a result", &service{Namespace: "default", Name: "orders", Revision: 1}, "revision"},
		{"namespace reserved", &service{Namespace: "dns", Name: "orders"}, "namespace"},
		{"namespace not a label", &service{Namespace: "Default", Name: "orders"}, "namespace"},
		{"no namespace at all", &service{Name: "orders"}, "namespace"},
		{"no name", &service{Namespace: "default"}, "name"},
		{"name not a label", &service{Namespace: "default", Name: "_policy"}, "name"},
		{"name named as the reserved namespace", &service{Namespace: "default", Name: "dns"}, ""},
		{"ID twice", instances(minimal(), second, minimal()), "instances[2].id"},
		{"stable ID twice", instances(catalog.Instance{Addresses: addrs("10.0.0.7")}, catalog.Instance{Addresses: addrs("10.0.0.7", "10.0.0.8")}), "instances[1].id"},
		{"second instance", instances(minimal(), func() catalog.Instance { in := second; in.Tags = []string{"T"}; return in }()), "instances[1].tags[0]"},
		{"port of an instance", instances(catalog.Instance{Addresses: addrs("10.0.0.7"), Ports: []catalog.Port{{Name: "a", Port: 1}, {Name: "b--c", Port: 2}}}), "instances[0].ports[1].name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.service.Prepare("")
			wantFault(t, err, tt.field)
			if (got == nil) != (err != nil) {
				t.Errorf("returned %v beside %v", got, err)
			}
		})
	}
}

// TestPrepareNamesEach checks that faults of the service and of several
// instances stand in one error, and that a mass of them is cut.
func TestPrepareNamesEach(t *testing.T) {
	t.Parallel()
	s := &catalog.Service{Namespace: "dns", Name: "Orders", Instances: repeat(3, func(i int) catalog.Instance {
		return catalog.Instance{ID: fmt.Sprint(i), Addresses: addrs("10.0.0.7"), Locality: "L", Tags: []string{"T"}}
	})}
	_, err := s.Prepare("")
	wantFault(t, err, "namespace")
	want := []string{
		"namespace", "name", "instances[0].locality", "instances[0].tags[0]", "instances[1].locality", "instances[1].tags[0]",
		"instances[2].locality", "instances[2].tags[0]",
	}
	if got := fields(err); !reflect.DeepEqual(got, want) {
		t.Errorf("members at fault: %q, want %q", got, want)
	}

	s = &catalog.Service{Namespace: "default", Name: "orders", Instances: make([]catalog.Instance, 5000)}
	_, err = s.Prepare("")
	wantFault(t, err, "instances[0].addresses") // and not the ID, which an address would give
	if got := len(err.Error()); got > 4<<10 {
		t.Errorf("the message of 5000 faults has %d bytes", got)
	}
	if want := "service has 4990 more faults"; !strings.HasSuffix(err.Error(), want) {
		t.Errorf("message %q does not end in %q", err, want)
	}
}

// TestPrepareOfNothing checks that an instance with neither address nor ID has
// one fault: the address would give the ID.
func TestPrepareOfNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   catalog.Instance
		want []string
	}{
		"nothing":          {catalog.Instance{}, []string{"instances[0].addresses"}},
		"no real address":  {catalog.Instance{Addresses: make([]netip.Addr, 1)}, []string{"instances[0].addresses[0]"}},
		"an ID of its own": {catalog.Instance{ID: "A"}, []string{"instances[0].id", "instances[0].addresses"}},
	} {
		_, err := (&catalog.Service{Namespace: "default", Name: "orders", Instances: []catalog.Instance{tt.in}}).Prepare("")
		if got := fields(err); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: members at fault: %q, want %q", name, got, tt.want)
		}
	}
}

// fields returns the fields of all FieldErrors in err, in order.
func fields(err error) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []string
		for _, e := range joined.Unwrap() {
			out = append(out, fields(e)...)
		}
		return out
	}
	if fe, ok := errors.AsType[*catalog.FieldError](err); ok {
		return []string{fe.Field}
	}
	return []string{fmt.Sprintf("no FieldError: %v", err)}
}
