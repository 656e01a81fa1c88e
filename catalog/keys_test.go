package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

func TestParseKey(t *testing.T) {
	t.Parallel()
	instance := func(n, s, i string) catalog.Key {
		return catalog.Key{Kind: catalog.KindInstance, Namespace: n, Service: s, ID: i}
	}
	status := func(n, s, i string) catalog.Key {
		return catalog.Key{Kind: catalog.KindStatus, Namespace: n, Service: s, ID: i}
	}
	policy := func(n, s string) catalog.Key {
		return catalog.Key{Kind: catalog.KindPolicy, Namespace: n, Service: s}
	}
	reserved := catalog.Key{Kind: catalog.KindReserved}
	tests := []struct {
		rel   string
		want  catalog.Key
		field string // at fault; empty: want counts
	}{
		{"n/s/i", instance("n", "s", "i"), ""},
		{"default/orders/10-0-0-7-8080", instance("default", "orders", "10-0-0-7-8080"), ""},
		{label63 + "/" + label63 + "/" + label63, instance(label63, label63, label63), ""},
		{"n/dns/dns", instance("n", "dns", "dns"), ""},
		{"n/s/_status/i", status("n", "s", "i"), ""},
		{"n/s/_policy", policy("n", "s"), ""},

		{"", catalog.Key{}, "key"},
		{"n", catalog.Key{}, "key"},
		{"n/s", catalog.Key{}, "key"},
		{"n/s/i/x", catalog.Key{}, "key"},
		{"n/s/i/x/y", catalog.Key{}, "key"},
		{strings.Repeat("n/", 1000), catalog.Key{}, "key"},
		{"n/s/", catalog.Key{}, "id"},
		{"n//i", catalog.Key{}, "name"},
		{"/s/i", catalog.Key{}, "namespace"},
		{"//", catalog.Key{}, "namespace"},
		{"/n/s/i", catalog.Key{}, "key"},
		{"n/s/i/", catalog.Key{}, "key"},
		{"dns/s/i", catalog.Key{}, "namespace"},
		{"dns/s/_policy", catalog.Key{}, "namespace"},
		{"dns/s/_status/i", catalog.Key{}, "namespace"},
		{"N/s/i", catalog.Key{}, "namespace"},
		{"n/S/i", catalog.Key{}, "name"},
		{"n/s/I", catalog.Key{}, "id"},
		{"n/S/_policy", catalog.Key{}, "name"},
		{"n/s/_status/I", catalog.Key{}, "id"},
		{"n/s/_status/", catalog.Key{}, "id"},
		{"n/s/" + label64, catalog.Key{}, "id"},
		{"n/s/i\x00", catalog.Key{}, "id"},
		{"n/s/\xff", catalog.Key{}, "id"},
		{"n/s/i i", catalog.Key{}, "id"},

		// Components that start with '_' are for versions to come, wherever they
		// stand and however long the key is.
		{"_", reserved, ""},
		{"_meta", reserved, ""},
		{"_meta/a/b", reserved, ""},
		{"_meta/a/b/c/d/e/f", reserved, ""},
		{"n/_meta", reserved, ""},
		{"n/_meta/x", reserved, ""},
		{"n/_status/i", reserved, ""},
		{"n/s/_", reserved, ""},
		{"n/s/_future", reserved, ""},
		{"n/s/_future/a/b/c/d", reserved, ""},
		{"n/s/_status", reserved, ""},
		{"n/s/_status/i/x", reserved, ""},
		{"n/s/_status/i/x/y", reserved, ""},
		{"n/s/_status/_all", reserved, ""},
		{"n/s/_policy/x", reserved, ""},
		{"n/s/_POLICY", reserved, ""},
		{"n/s/i/_x", reserved, ""},
		{"n/s/i/x/y/_z", reserved, ""},
		{"_n/s/_policy", reserved, ""},
		{"N/S/_future", reserved, ""},
		{"dns/_meta", reserved, ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%.40q", tt.rel), func(t *testing.T) {
			t.Parallel()
			got, err := catalog.ParseKey(tt.rel)
			wantFault(t, err, tt.field)
			if err == nil && got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if err == nil && got.Kind != catalog.KindReserved && got.String() != tt.rel {
				t.Errorf("String() = %q, want %q", got, tt.rel)
			}
		})
	}
	if got := reserved.String(); got != "(reserved)" {
		t.Errorf("String() of a reserved key = %q", got)
	}
}

func TestParseKeyMessages(t *testing.T) {
	t.Parallel()
	for rel, want := range map[string]string{
		"n":       "key has 1 component below the prefix, not NAMESPACE/SERVICE/ID",
		"n/s":     "key has 2 components below the prefix, not NAMESPACE/SERVICE/ID",
		"n/s/i/x": "key has 4 components below the prefix, not NAMESPACE/SERVICE/ID",
	} {
		if _, err := catalog.ParseKey(rel); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", rel, err, want)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ got, want string }{
		{catalog.InstanceKey("/roster", "n", "s", "i"), "/roster/n/s/i"},
		{catalog.StatusKey("/roster", "n", "s", "i"), "/roster/n/s/_status/i"},
		{catalog.PolicyKey("/roster", "n", "s"), "/roster/n/s/_policy"},
		{catalog.ServicePrefix("/roster", "n", "s"), "/roster/n/s/"},
		{catalog.NamespacePrefix("/roster", "n"), "/roster/n/"},
		{catalog.DefaultPrefix, "/roster"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestCleanPrefix(t *testing.T) {
	t.Parallel()
	tests := []struct {
		prefix, want string // want empty: refused
	}{
		{"", "/roster"},
		{"/roster", "/roster"},
		{"/roster/", "/roster"},
		{"roster", "/roster"},
		{"roster/", "/roster"},
		{"/a/b", "/a/b"},
		{"a/b/", "/a/b"},
		{"/Prod_1.eu:x~", "/Prod_1.eu:x~"},
		{"/!", "/!"},
		{"/", ""},
		{"//", ""},
		{"//a", ""},
		{"/a//b", ""},
		{"/a//", ""},
		{"/a b", ""},
		{" /a", ""},
		{"/a\n", ""},
		{"/a\x7f", ""},
		{"/é", ""},
		{"/\xff", ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%q", tt.prefix), func(t *testing.T) {
			t.Parallel()
			got, err := catalog.CleanPrefix(tt.prefix)
			wantFault(t, err, faultIf(tt.want == "", "prefix"))
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
