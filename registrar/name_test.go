package registrar_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	anyStatus := catalog.Selector{AnyStatus: true}
	for name, want := range map[string]registrar.ServiceName{
		"orders":                      {Namespace: "default", Service: "orders"},
		"prod/orders":                 {Namespace: "prod", Service: "orders"},
		"orders?status=any":           {Namespace: "default", Service: "orders", Selector: anyStatus},
		"prod/orders?status=any":      {Namespace: "prod", Service: "orders", Selector: anyStatus},
		long + "/" + long:             {Namespace: long, Service: long},
		"0/1":                         {Namespace: "0", Service: "1"},
		"prod/dns":                    {Namespace: "prod", Service: "dns"},
		"default/default":             {Namespace: "default", Service: "default"},
		long + "/" + "x-y?status=any": {Namespace: long, Service: "x-y", Selector: anyStatus},
		"orders?tag=a":                {Namespace: "default", Service: "orders", Selector: catalog.Selector{Tags: []string{"a"}}},
		"orders?tag=b&tag=a&tag=b":    {Namespace: "default", Service: "orders", Selector: catalog.Selector{Tags: []string{"b", "a"}}},
		"orders?prefer=az1":           {Namespace: "default", Service: "orders", Selector: catalog.Selector{Prefer: "az1"}},
		"p/o?status=any&prefer=b&locality=a&tag=t": {
			Namespace: "p", Service: "o", Selector: catalog.Selector{AnyStatus: true, Tags: []string{"t"}, Locality: "a", Prefer: "b"},
		},
	} {
		if got, err := registrar.ParseName(name, "default"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ParseName(%q) = %+v, %v, want %+v", name, got, err, want)
		}
	}
	tags := "orders?tag=t0"
	for i := range catalog.MaxTags {
		tags += fmt.Sprintf("&tag=t%d", i+1)
	}
	for _, name := range []string{
		"", "/orders", "prod/", "a/b/c", "dns/orders", "Orders", "or_ders", long + "a", "?status=any",
		"orders?", "orders?tag", "orders?tag=", "orders?tag=A", "orders?locality=a&locality=a", "orders?prefer=",
		"orders?prefer=a&prefer=b", "orders?status=up", "orders?status=any?", "orders?status=any&status=any",
		"orders?status=any&", "orders?port=80", "orders?tag=a%2Db", tags, strings.Repeat("\x00", 1<<20),
		"orders?" + strings.Repeat("x", 1<<20),
	} {
		got, err := registrar.ParseName(name, "default")
		if !errors.Is(err, registrar.ErrInvalid) || !reflect.DeepEqual(got, registrar.ServiceName{}) {
			t.Errorf("ParseName(%.80q) = %+v, %.200v, want ErrInvalid", name, got, err)
			continue
		}
		if n := len(err.Error()); n > 1200 {
			t.Errorf("ParseName(%.80q): the message has %d bytes", name, n)
		}
	}
}

// FuzzParseName checks that what is parsed is a name, and the same when it is
// written out and parsed again.
func FuzzParseName(f *testing.F) {
	for _, name := range []string{"orders", "prod/orders", "orders?status=any", "a/b/c", "", "?", "orders?tag=a", "dns/x", "A/b", "x/y?status=any", "x?tag=a&tag=b&locality=l&prefer=p"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		n, err := registrar.ParseName(name, "default")
		if err != nil {
			if !errors.Is(err, registrar.ErrInvalid) {
				t.Fatalf("%q: %v", name, err)
			}
			return
		}
		again, err := registrar.ParseName(n.String(), "other")
		if err != nil || !reflect.DeepEqual(again, n) {
			t.Fatalf("%q is %+v, and that written out %+v, %v", name, n, again, err)
		}
	})
}
