package dns

import (
	"errors"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

func TestNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", catalog.MaxLabel)
	tooLong := long + "/" + long + "?tag=" + long + "&prefer=" + long
	for name, want := range map[string]string{ // "" for what DNS lacks
		"orders":                               "orders.default.svc.internal.",
		"shop/orders":                          "orders.shop.svc.internal.",
		"orders?tag=a":                         "a._tag.orders.default.svc.internal.",
		"orders?tag=a&tag=b":                   "a._tag.b._tag.orders.default.svc.internal.",
		"orders?locality=az1":                  "az1.pin._zone.orders.default.svc.internal.",
		"orders?prefer=az1":                    "az1.prefer._zone.orders.default.svc.internal.",
		"orders?prefer=az2&tag=a&locality=az1": "a._tag.az1.pin._zone.orders.default.svc.internal.",
		"orders?tag=a&tag=b&tag=c&tag=d":       "a._tag.b._tag.c._tag.d._tag.orders.default.svc.internal.",
		"orders?tag=a&tag=b&tag=c&tag=d&tag=e": "",
		"orders?status=any":                    "",
		tooLong:                                "",
	} {
		n, err := registrar.ParseName(name, "default")
		if err != nil {
			t.Fatal(err)
		}
		q, err := newQuery(n, testZone)
		if (err != nil) != (want == "") || err != nil && !errors.Is(err, registrar.ErrUnsupported) || q.owner != want {
			t.Errorf("%q is %q, %v, want %q", name, q.owner, err, want)
		}
	}
}

func TestParseInstance(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{ // "" for what is no instance's
		"a.orders.default.svc.internal.":                          "a default/orders",
		"a.orders.dns.svc.internal.":                              "",
		"orders.default.svc.internal.":                            "",
		"b.a.orders.default.svc.internal.":                        "",
		"_a.orders.default.svc.internal.":                         "",
		"a._tag.default.svc.internal.":                            "",
		".orders.default.svc.internal.":                           "",
		"a.orders.default.svc.internal.com.":                      "",
		"a.orders.defaultsvc.internal.":                           "",
		"svc.internal.":                                           "",
		"db1.example.com.":                                        "",
		`a\.b.orders.default.svc.internal.`:                       "",
		strings.Repeat("a", 64) + ".orders.default.svc.internal.": "",
	} {
		id, service, ok := parseInstance(name, testZone)
		got := ""
		if ok {
			got = id + " " + service.String()
		}
		if got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}
