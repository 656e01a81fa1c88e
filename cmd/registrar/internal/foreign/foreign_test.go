package foreign_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/foreign"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func at(address, id string) foreign.Instance {
	return foreign.Instance{
		Instance:  catalog.Instance{ID: id, Addresses: []netip.Addr{netip.MustParseAddr(address)}},
		Namespace: "default", Service: "a", From: address,
	}
}

// TestSameID shows that which IDs instances get doesn't depend on their order, and that
// none takes the place of another one.
func TestSameID(t *testing.T) {
	t.Parallel()
	all := []foreign.Instance{at("10.0.0.1", "x"), at("10.0.0.2", "x"), at("10.0.0.3", "y"), at("10.0.0.4", "")}
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 1, 0, 2}} {
		var c foreign.Collector
		for _, i := range order {
			c.Add(all[i])
		}
		r := c.Result()
		var got []string
		for _, in := range r.Services[0].Instances {
			got = append(got, in.ID)
			if !in.Static {
				t.Errorf("%s is not static", in.ID)
			}
		}
		if want := "10-0-0-1 10-0-0-2 10-0-0-4 y"; strings.Join(got, " ") != want || r.LeftOut != 0 || len(r.Notes) != 2 {
			t.Errorf("IDs %q, want %q; notes %q", got, want, r.Notes)
		}
	}
	var c foreign.Collector
	c.Add(at("10.0.0.1", "10-0-0-2"))
	c.Add(at("10.0.0.2", ""))
	c.Add(at("10.0.0.3", "a.b"))
	r := c.Result()
	if len(r.Services[0].Instances) != 2 || r.LeftOut != 1 || len(r.Notes) != 2 {
		t.Errorf("%d are left out, with notes %q", r.LeftOut, r.Notes)
	}
}

func TestTagAndMeta(t *testing.T) {
	t.Parallel()
	var c foreign.Collector
	in := at("10.0.0.1", "x")
	for i := range 40 {
		c.Tag(&in, fmt.Sprint("T", i))
	}
	c.Tag(&in, "t0")
	c.Tag(&in, "a_b")
	if len(in.Tags) != 32 || in.Tags[0] != "t0" {
		t.Errorf("tags %q", in.Tags)
	}
	metadata := map[string]string{"a": "1", "A": "2", "": "3", "long": strings.Repeat("x", 300)}
	for i := range 20 {
		metadata[fmt.Sprint("m", i)] = strings.Repeat("x", 240)
	}
	c.Meta(&in, metadata)
	in.ID = "x"
	c.Add(in)
	r := c.Result()
	if len(r.Services) != 1 || len(r.Services[0].Instances[0].Metadata) != 17 {
		t.Errorf("metadata %d; notes %q", len(in.Metadata), r.Notes)
	}
	for _, want := range []string{`tag "T32" left out: an instance has at most 32`, `tag "a_b" left out`, `metadata "" left out`, `metadata "a" left out`, `metadata "long" left out`} {
		if !strings.Contains(strings.Join(r.Notes, "\n"), want) {
			t.Errorf("no note %q in %q", want, r.Notes)
		}
	}
}
