package registrar_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	for name, want := range map[string]registrar.ServiceName{
		"orders":                      {Namespace: "default", Service: "orders"},
		"prod/orders":                 {Namespace: "prod", Service: "orders"},
		"orders?status=any":           {Namespace: "default", Service: "orders", AnyStatus: true},
		"prod/orders?status=any":      {Namespace: "prod", Service: "orders", AnyStatus: true},
		long + "/" + long:             {Namespace: long, Service: long},
		"0/1":                         {Namespace: "0", Service: "1"},
		"prod/dns":                    {Namespace: "prod", Service: "dns"},
		"default/default":             {Namespace: "default", Service: "default"},
		long + "/" + "x-y?status=any": {Namespace: long, Service: "x-y", AnyStatus: true},
	} {
		if got, err := registrar.ParseName(name, "default"); err != nil || got != want {
			t.Errorf("ParseName(%q) = %+v, %v, want %+v", name, got, err, want)
		}
	}
	for name, want := range map[string]error{
		"":                            registrar.ErrInvalid,
		"/orders":                     registrar.ErrInvalid,
		"prod/":                       registrar.ErrInvalid,
		"a/b/c":                       registrar.ErrInvalid,
		"dns/orders":                  registrar.ErrInvalid,
		"Orders":                      registrar.ErrInvalid,
		"or_ders":                     registrar.ErrInvalid,
		long + "a":                    registrar.ErrInvalid,
		"?status=any":                 registrar.ErrInvalid,
		"orders?":                     registrar.ErrUnsupported,
		"orders?tag=a":                registrar.ErrUnsupported,
		"orders?status=any&tag=a":     registrar.ErrUnsupported,
		"orders?status=any?":          registrar.ErrUnsupported,
		strings.Repeat("\x00", 1<<20): registrar.ErrInvalid,
	} {
		got, err := registrar.ParseName(name, "default")
		if !errors.Is(err, want) || got != (registrar.ServiceName{}) {
			t.Errorf("ParseName(%.80q) = %+v, %.200v, want %v", name, got, err, want)
		}
		if n := len(err.Error()); n > 1200 {
			t.Errorf("ParseName(%.80q): the message has %d bytes", name, n)
		}
	}
}

// FuzzParseName checks that what is parsed is a name, and the same when it is
// written out and parsed again.
func FuzzParseName(f *testing.F) {
	for _, name := range []string{"orders", "prod/orders", "orders?status=any", "a/b/c", "", "?", "orders?tag=a", "dns/x", "A/b", "x/y?status=any"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		n, err := registrar.ParseName(name, "default")
		if err != nil {
			if !errors.Is(err, registrar.ErrInvalid) && !errors.Is(err, registrar.ErrUnsupported) {
				t.Fatalf("%q: %v", name, err)
			}
			return
		}
		again, err := registrar.ParseName(n.String(), "other")
		if err != nil || again != n {
			t.Fatalf("%q is %+v, and that written out %+v, %v", name, n, again, err)
		}
	})
}
