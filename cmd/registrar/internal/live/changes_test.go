package live_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/live"
	"github.com/rosterdns/roster/registrar"
)

// set returns instances from text such as "a b:draining".
func set(text string) []registrar.Instance {
	var instances []registrar.Instance
	for field := range strings.FieldsSeq(text) {
		id, status, ok := strings.Cut(field, ":")
		if !ok {
			status = "up"
		}
		instances = append(instances, registrar.Instance{ID: id, Status: catalog.Status(status)})
	}
	return instances
}

func TestChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{"", "", "[]"},
		{"", "a b", "[added a up added b up]"},
		{"a b", "", "[removed a up removed b up]"},
		{"a b c", "a b c", "[]"},
		{"a b c", "a b:down c", "[changed b down]"},
		{"a c", "b c:draining d", "[removed a up added b up changed c draining added d up]"},
	} {
		var got []string
		for _, change := range live.Changes(set(c.from), set(c.to)) {
			got = append(got, fmt.Sprint(change.Kind, " ", change.Instance.ID, " ", change.Instance.Status))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("from %q to %q: %v, want %s", c.from, c.to, got, c.want)
		}
	}
}
