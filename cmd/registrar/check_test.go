package main

import (
	"slices"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

func TestCheckNamesInstances(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args    []string
		service string
		ids     []string
	}{
		{[]string{"db"}, "prod/db", nil},
		{[]string{"test/db"}, "test/db", nil},
		{[]string{"db", "a", "b", "a"}, "prod/db", []string{"a", "b"}},
		{[]string{"test/db", "a"}, "test/db", []string{"a"}},
		{[]string{"test/db/a"}, "test/db", []string{"a"}},
		{[]string{"test/db/a", "test/db/b"}, "test/db", []string{"a", "b"}},
	} {
		w := &watchdog{app: &app{globals: globals{namespace: "prod"}}}
		if err := w.parseTargets(c.args); err != nil || w.name.String() != c.service || !slices.Equal(w.ids, c.ids) {
			t.Errorf("%q: %s, IDs %q, %v; want %s, IDs %q", c.args, w.name, w.ids, err, c.service, c.ids)
		}
	}
	for _, args := range [][]string{{"test/db/a", "test/web/a"}, {"test/db/a", "b"}, {"test/db/A"}, {"db", ""}, {"db?tag=x"}} {
		w := &watchdog{app: &app{}}
		if err := w.parseTargets(args); classify(err).code != exitUsage {
			t.Errorf("%q: %v, want it refused as %v", args, err, registrar.ErrInvalid)
		}
	}
}
