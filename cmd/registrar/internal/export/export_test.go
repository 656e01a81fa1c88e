package export_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/export"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCollect(t *testing.T) {
	t.Parallel()
	key := func(rel, value string, revision, lease int64) *mvccpb.KeyValue {
		return &mvccpb.KeyValue{Key: []byte("/roster/" + rel), Value: []byte(value), ModRevision: revision, Lease: lease}
	}
	services, notes := export.Collect("/roster", []*mvccpb.KeyValue{
		key("prod/db/b", `{"host":"db1.example.com","static":true}`, 7, 0),
		key("prod/db/a", `{"addresses":["10.0.0.7"],"status":"down"}`, 5, 1),
		key("prod/db/_status/a", `{"status":"draining","reason":"kernel"}`, 9, 0),
		key("default/cart/_policy", `{"alias":"default/cart-v2"}`, 3, 0),
		key("default/cart-v2/_status/gone", `{"status":"down"}`, 2, 0),
		// What is there only in part, or not at all.
		key("default/cart/a", `{"addresses":["10.0.0.8"]}`, 4, 0),
		key("default/cart/b", `{`, 4, 1),
		key("default/cart/c", `{"addresses":["10.0.0.9"],"zone":"z","ports":[{"port":1,"protocol":"sctp"}]}`, 4, 1),
		key("default/cart/d", `{"addresses":["10.0.0.9"],"static":true}`, 4, 1),
		key("default/cart/_status/c", `{status:down}`, 4, 0),
		key("default/cart/_next", `{}`, 4, 0),
		key("default/loop/_policy", `{"alias":"default/loop"}`, 3, 0),
		key("default/odd/_policy", `{"min_up":1,"new":2}`, 3, 0),
		key("Default/x/a", `{}`, 3, 0),
	})
	got, err := json.Marshal(services)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"namespace":"default","name":"cart","revision":4,"stale":false,"policy":{"alias":"default/cart-v2"},"overrides":{"c":{"status":"down"}},"instances":[` +
		`{"id":"c","addresses":["10.0.0.9"],"weight":100,"priority":0,"status":"up"},{"id":"d","addresses":["10.0.0.9"],"weight":100,"priority":0,"status":"up","static":true}]},` +
		`{"namespace":"default","name":"cart-v2","revision":2,"stale":false,"overrides":{"gone":{"status":"down"}},"instances":[]},` +
		`{"namespace":"default","name":"odd","revision":3,"stale":false,"policy":{"min_up":1},"instances":[]},` +
		`{"namespace":"prod","name":"db","revision":9,"stale":false,"overrides":{"a":{"status":"draining","reason":"kernel"}},"instances":[` +
		`{"id":"a","addresses":["10.0.0.7"],"weight":100,"priority":0,"status":"down"},{"id":"b","host":"db1.example.com","weight":100,"priority":0,"status":"up","static":true}]}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, want := range []string{
		`"/roster/Default/x/a": left out: namespace "Default"`,
		`"/roster/default/cart/_next": left out: keys with such a component have no meaning to this version`,
		`"/roster/default/cart/_status/c": written as readers take it, down: `,
		`"/roster/default/cart/a": left out, as readers skip it: the instance has no lease and is not static`,
		`"/roster/default/cart/b": left out, as readers skip it: `,
		`"/roster/default/cart/c": written as readers take it: `,
		`"/roster/default/cart/d": the instance is static, and has a lease besides: `,
		`"/roster/default/loop/_policy": left out, as readers ignore it: alias "default/loop" is the service itself`,
		`"/roster/default/odd/_policy": written as readers take it: "new" is not a known member`,
	} {
		if len(notes) == 0 || !strings.HasPrefix(notes[0], want) {
			t.Fatalf("the next notes are %q, want %q", notes, want)
		}
		notes = notes[1:]
	}
	if len(notes) > 0 {
		t.Errorf("more notes: %q", notes)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`7`:                                   `service is `,
		`null`:                                `service is `,
		`{"name":"s","polcy":{}}`:             `"polcy" is not a known member`,
		`{"name":"s","policy":7}`:             `policy`,
		`{"name":"s","policy":{"alias":"x"}}`: `policy.alias "x" is not NAMESPACE/SERVICE`,
		`{"name":"s","policy":{"minup":1}}`:   `policy."minup" is not a known member`,
		`{"name":"s","overrides":[]}`:         `overrides are not an object`,
		`{"name":"s","overrides":{"a":{"status":"up"}}}`:              `overrides.a.status "up" is neither draining nor down`,
		`{"name":"s","overrides":{"a":{"status":"down","by":"me"}}}`:  `overrides.a."by" is not a known member`,
		`{"name":"s","instances":[{"adresses":[]}],"policy":{"x":1}}`: `instances[0]."adresses" is not a known member`,
	} {
		var s export.Service
		if err := s.UnmarshalJSON([]byte(text)); !errors.Is(err, catalog.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	var s export.Service
	if err := s.UnmarshalJSON([]byte(`{"name":"s","revision":7,"policy":null,"overrides":null,"instances":[{"id":"b","host":"b.example.com"},{"addresses":["10.0.0.7"]}]}`)); err != nil {
		t.Fatal(err)
	}
	p, err := s.Prepare("prod")
	if err != nil {
		t.Fatal(err)
	}
	if p.Namespace != "prod" || p.Instances[0].ID != "10-0-0-7" || p.Instances[1].ID != "b" || p.Policy != nil || p.Overrides != nil {
		t.Errorf("got %+v", p)
	}
	s.Policy = &catalog.Policy{Alias: catalog.ServiceName{Namespace: "prod", Name: "s"}}
	s.Overrides = map[string]catalog.Override{"A": {Status: catalog.StatusDown}, "b": {Status: catalog.StatusDown, Reason: strings.Repeat("x", catalog.MaxValueSize)}}
	_, err = s.Prepare("prod")
	for _, want := range []string{`policy.alias "prod/s" is the service itself`, `overrides.id "A" is not a DNS label`, `overrides.b is 65565 bytes, more than 65536`} {
		if !errors.Is(err, catalog.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// FuzzService checks that what is read and written comes back as the same.
func FuzzService(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"name":"s","policy":{"min_up":1,"keep_last":0},"overrides":{"a":{"status":"down","reason":"x"}},"instances":[{"id":"a","addresses":["10.0.0.7"]}]}`,
		`{"name":"s","overrides":{"a":null}}`, `{"name":"s","policy":{"alias":"a/b"}}`, `{"overrides":{"":{"status":"down"}}}`, `{"name":"s","name":"t"}`, "{\"name\":\"\xff\"}", `{"instances":null}`, `{"policy":""}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var s export.Service
		if err := s.UnmarshalJSON(text); err != nil {
			if !errors.Is(err, catalog.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		p, err := s.Prepare("default")
		if err != nil {
			if !errors.Is(err, catalog.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		want, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var again export.Service
		if err := again.UnmarshalJSON(want); err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		q, err := again.Prepare("other")
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if got, _ := json.Marshal(q); string(got) != string(want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}
