package catalog_test

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

func TestStatusWorse(t *testing.T) {
	t.Parallel()
	tests := []struct{ a, b, want catalog.Status }{
		{"up", "up", "up"},
		{"up", "draining", "draining"},
		{"up", "down", "down"},
		{"draining", "draining", "draining"},
		{"draining", "down", "down"},
		{"down", "down", "down"},
		{"", "", "up"},
		{"", "draining", "draining"},
		{"asleep", "up", "down"},
		{"asleep", "", "down"},
		{"UP", "up", "down"},
		{"asleep", "draining", "down"},
	}
	for _, tt := range tests {
		if got := tt.a.Worse(tt.b); got != tt.want {
			t.Errorf("%q.Worse(%q) = %q, want %q", tt.a, tt.b, got, tt.want)
		}
		if got := tt.b.Worse(tt.a); got != tt.want {
			t.Errorf("%q.Worse(%q) = %q, want %q", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestUp(t *testing.T) {
	t.Parallel()
	for status, want := range map[catalog.Status]bool{"up": true, "": true, "draining": false, "down": false, "asleep": false} {
		in := catalog.Instance{Status: status}
		if got := in.Up(); got != want {
			t.Errorf("an instance that is %q: Up() = %t", status, got)
		}
	}
}

// TestEqual changes each member of an instance in turn.
func TestEqual(t *testing.T) {
	t.Parallel()
	base := typical()
	if same := typical(); !base.Equal(&same) {
		t.Fatal("an instance differs from itself")
	}
	fields := reflect.TypeFor[catalog.Instance]()
	for i := range fields.NumField() {
		other := typical().Clone()
		switch f := reflect.ValueOf(&other).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString(f.String() + "x")
		case reflect.Uint16, reflect.Uint32:
			f.SetUint(f.Uint() + 1)
		case reflect.Bool:
			f.SetBool(!f.Bool())
		case reflect.Slice, reflect.Map:
			f.SetZero()
		default:
			t.Fatalf("%s is of a kind that this test can't change", fields.Field(i).Name)
		}
		if base.Equal(&other) || other.Equal(&base) {
			t.Errorf("another %s makes no difference", fields.Field(i).Name)
		}
	}
}

func TestCloneService(t *testing.T) {
	t.Parallel()
	original := func() *catalog.Service {
		return &catalog.Service{Namespace: "n", Name: "s", Instances: []catalog.Instance{typical(), minimal()}, Revision: 7, Stale: true}
	}
	s := original()
	c := s.Clone()
	want := original()
	want.Revision, want.Stale = 0, false
	if !reflect.DeepEqual(c, want) {
		t.Fatalf("the clone is %+v, want %+v", c, want)
	}

	in := &c.Instances[0]
	in.Addresses[0] = netip.MustParseAddr("192.0.2.1")
	in.Ports[0].Port = 1
	in.Tags[0] = "changed"
	in.Metadata["version"] = "changed"
	c.Instances[1].ID = "changed"
	if !reflect.DeepEqual(s, original()) {
		t.Errorf("a change of the clone reached the original: %+v", s)
	}
}

func TestCloneKeepsNil(t *testing.T) {
	t.Parallel()
	if c := (*catalog.Service)(nil).Clone(); c != nil {
		t.Errorf("the clone of nil is %+v", c)
	}
	if c := (&catalog.Service{Name: "s"}).Clone(); c.Instances != nil {
		t.Errorf("the clone of no instances has %#v", c.Instances)
	}
	if got, want := minimal().Clone(), minimal(); !reflect.DeepEqual(got, want) {
		t.Errorf("the clone is %#v, want %#v", got, want)
	}
}

// TestCloneCoversAllMembers fails where a member that shares memory is added to
// Instance and not to Clone.
func TestCloneCoversAllMembers(t *testing.T) {
	t.Parallel()
	in := typical()
	in.Host, in.Priority, in.Static = "db1.example.com", 1, true
	v, c := reflect.ValueOf(in), reflect.ValueOf(in.Clone())
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Field(i).IsZero() {
			t.Errorf("the test has no value for %s", name)
		}
		switch v.Field(i).Kind() {
		case reflect.Slice, reflect.Map, reflect.Pointer:
			if v.Field(i).Pointer() == c.Field(i).Pointer() {
				t.Errorf("the clone shares %s", name)
			}
		}
	}
}
