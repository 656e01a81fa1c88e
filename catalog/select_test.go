package catalog_test

import (
	"slices"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

// selectable has an instance of each kind that a selection tells apart.
func selectable() []catalog.Instance {
	return []catalog.Instance{
		{ID: "a", Addresses: addrs("10.0.0.1"), Priority: 2, Status: "up", Tags: []string{"canary"}, Locality: "az1"},
		{ID: "b", Addresses: addrs("10.0.0.2"), Priority: 1, Status: "up", Tags: []string{"blue", "canary"}, Locality: "az2"},
		{ID: "c", Addresses: addrs("10.0.0.3"), Priority: 0, Status: "draining", Tags: []string{"canary"}, Locality: "az3"},
		{ID: "d", Host: "db1.example.com", Priority: 0, Status: "up", Locality: "az1"},
		{ID: "e", Addresses: addrs("10.0.0.5"), Priority: 1},
		{ID: "f", Addresses: addrs("10.0.0.6"), Priority: 0, Status: "down"},
		{ID: "g", Host: "db2.example.com", Priority: 0, Status: "asleep"},
	}
}

func ids(instances []*catalog.Instance) (list []string) {
	for _, in := range instances {
		list = append(list, in.ID)
	}
	return list
}

// only returns the instances that have these IDs.
func only(instances []catalog.Instance, ids ...string) []catalog.Instance {
	return slices.DeleteFunc(instances, func(in catalog.Instance) bool { return !slices.Contains(ids, in.ID) })
}

func TestSelect(t *testing.T) {
	t.Parallel()
	all := []string{"a", "b", "c", "d", "e", "f", "g"}
	tests := []struct {
		name     string
		selector catalog.Selector
		want     []string
	}{
		{"up", catalog.Selector{}, []string{"a", "b", "d", "e"}},
		{"any status", catalog.Selector{AnyStatus: true}, all},
		{"as many up as there have to be", catalog.Selector{MinUp: 4}, []string{"a", "b", "d", "e"}},
		{"fewer up than there have to be", catalog.Selector{MinUp: 5}, all},
		{"any status and fewer up", catalog.Selector{AnyStatus: true, MinUp: 9}, all},
		{"a tag", catalog.Selector{Tags: []string{"canary"}}, []string{"a", "b"}},
		{"two tags", catalog.Selector{Tags: []string{"canary", "blue"}}, []string{"b"}},
		{"a tag of nobody who is up", catalog.Selector{Tags: []string{"green"}}, nil},
		{"a tag of one who is not up", catalog.Selector{Tags: []string{"canary"}, AnyStatus: true}, []string{"a", "b", "c"}},
		{"a tag, with fewer up in the service", catalog.Selector{Tags: []string{"canary"}, MinUp: 5}, []string{"a", "b", "c"}},
		{"a tag, with fewer up of those", catalog.Selector{Tags: []string{"canary"}, MinUp: 3}, []string{"a", "b"}},
		{"a locality", catalog.Selector{Locality: "az1"}, []string{"a", "d"}},
		{"a locality of nobody", catalog.Selector{Locality: "az9"}, nil},
		{"a locality that is preferred", catalog.Selector{Prefer: "az2"}, []string{"b"}},
		{"a preferred locality of nobody who is up", catalog.Selector{Prefer: "az3"}, []string{"a", "b", "d", "e"}},
		{"a tag and a preferred locality", catalog.Selector{Tags: []string{"canary"}, Prefer: "az1"}, []string{"a"}},
		{"a tag that nobody of the preferred locality has", catalog.Selector{Tags: []string{"blue"}, Prefer: "az1"}, []string{"b"}},
		{"a locality, and another that is preferred", catalog.Selector{Locality: "az1", Prefer: "az2"}, []string{"a", "d"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			service := selectable()
			got := tt.selector.Select(catalog.Each(service), len(service))
			if !slices.Equal(ids(got), tt.want) {
				t.Errorf("selected %q, want %q", ids(got), tt.want)
			}
			for _, in := range got {
				if i := slices.IndexFunc(service, func(other catalog.Instance) bool { return other.ID == in.ID }); in != &service[i] {
					t.Errorf("%s is a copy", in.ID)
				}
			}
			if got := tt.selector.Select(catalog.Each(nil), 0); len(got) > 0 {
				t.Errorf("selected %q of nothing", ids(got))
			}
		})
	}
}

// TestAnyAnswers: what says whether anybody answers agrees with what selects them.
func TestAnyAnswers(t *testing.T) {
	t.Parallel()
	for up := range 3 {
		for down := range 3 {
			for minUp := range 4 {
				service := make([]catalog.Instance, up+down)
				for i := range down {
					service[i].Status = catalog.StatusDown
				}
				selected := catalog.Selector{MinUp: minUp}.Select(catalog.Each(service), len(service))
				if got := catalog.AnyAnswers(len(service), up, minUp); got != (len(selected) > 0) {
					t.Errorf("%d up, %d down, min_up %d: %v, but %d are selected", up, down, minUp, got, len(selected))
				}
			}
		}
	}
}

func TestPreferred(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		minUp int
		of    []string
		want  []string
	}{
		{"the lowest priority with an address that is up", 0, []string{"a", "b", "c", "d", "e", "f", "g"}, []string{"b", "e"}},
		{"the lower one comes last", 0, []string{"a", "e"}, []string{"e"}},
		{"alone", 0, []string{"a"}, []string{"a"}},
		{"hosts have no address", 0, []string{"d"}, nil},
		{"those that are not up take the place of none", 9, []string{"a", "b", "c", "d", "e", "f", "g"}, []string{"b", "e"}},
		{"and come first", 9, []string{"a", "c", "f"}, []string{"a"}},
		{"nobody is up", 1, []string{"c", "f", "g"}, []string{"c", "f"}},
		{"a host is up", 9, []string{"c", "d"}, []string{"c"}},
		{"nothing", 0, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			service := only(selectable(), tt.of...)
			selected := catalog.Selector{MinUp: tt.minUp}.Select(catalog.Each(service), len(service))
			before := ids(selected)
			if got := catalog.Preferred(selected); !slices.Equal(ids(got), tt.want) {
				t.Errorf("preferred %q, want %q", ids(got), tt.want)
			}
			if !slices.Equal(ids(selected), before) {
				t.Errorf("the selection became %q", ids(selected))
			}
		})
	}
}

// TestPreferredAll: where there is nothing to leave out nothing is copied.
func TestPreferredAll(t *testing.T) { // not parallel: it counts the process's allocations
	service := only(selectable(), "b", "e")
	selected := catalog.Selector{}.Select(catalog.Each(service), len(service))
	if allocs := testing.AllocsPerRun(10, func() { catalog.Preferred(selected) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestSoleHost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		of   []string
		want string
	}{
		{"one host", []string{"d"}, "d"},
		{"one host beside instances that are not up", []string{"c", "d", "f", "g"}, "d"},
		{"one host beside an instance that is up", []string{"a", "d"}, ""},
		{"one instance with addresses", []string{"a"}, ""},
		{"a host that is not up", []string{"g"}, ""},
		{"nothing", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if in := catalog.SoleHost(catalog.Selector{}.Select(catalog.Each(only(selectable(), tt.of...)), 1)); in != nil {
				got = in.ID
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	hosts := only(selectable(), "d", "d")
	if in := catalog.SoleHost(catalog.Selector{}.Select(catalog.Each(append(hosts, hosts...)), 2)); in != nil {
		t.Errorf("two hosts have %s alone", in.ID)
	}
}
