package catalog_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

// TestServiceJSON holds the form of a service to the letter: programs read it.
func TestServiceJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		s    catalog.Service
		want string
	}{
		{
			"one instance",
			catalog.Service{Namespace: "default", Name: "orders", Revision: 42, Instances: []catalog.Instance{typical()}},
			`{"namespace":"default","name":"orders","revision":42,"stale":false,"instances":[{"id":"a",` + typicalValue[1:] + `]}`,
		},
		{
			"stale, two instances",
			catalog.Service{Namespace: "n", Name: "s", Revision: 1 << 53, Stale: true, Instances: []catalog.Instance{
				minimal(), {ID: "b", Host: "db1.example.com", Weight: 1, Priority: 2, Status: "down", Static: true},
			}},
			`{"namespace":"n","name":"s","revision":9007199254740992,"stale":true,"instances":[` +
				`{"id":"a","addresses":["10.0.0.7"],"weight":100,"priority":0,"status":"up"},` +
				`{"id":"b","host":"db1.example.com","weight":1,"priority":2,"status":"down","static":true}]}`,
		},
		{
			"no instances",
			catalog.Service{Namespace: "n", Name: "s"},
			`{"namespace":"n","name":"s","revision":0,"stale":false,"instances":[]}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for form, v := range map[string]any{"value": tt.s, "pointer": &tt.s} {
				got, err := json.Marshal(v)
				if err != nil || string(got) != tt.want {
					t.Errorf("%s: got  %s, %v\nwant %s", form, got, err, tt.want)
				}
			}
			var back catalog.Service
			if err := json.Unmarshal([]byte(tt.want), &back); err != nil {
				t.Fatal(err)
			}
			if want := tt.s.Clone(); !reflect.DeepEqual(&back, want) {
				t.Errorf("read again: %+v\nwant %+v", back, want)
			}
		})
	}
}

// TestServiceUnmarshal has what a person may hand in.
func TestServiceUnmarshal(t *testing.T) {
	t.Parallel()
	type service = catalog.Service
	tests := []struct {
		name, text string
		want       service
	}{
		{"empty", `{}`, service{}},
		{"nulls", `{"namespace":null,"name":null,"revision":null,"stale":null,"instances":null}`, service{}},
		{"revision and stale of any form", `{"name":"s","revision":"x","stale":7}`, service{Name: "s"}},
		{
			"nothing is filled in", `{"name":"s","instances":[{"addresses":["10.0.0.7"],"ports":[{"port":80}]}]}`,
			service{Name: "s", Instances: []catalog.Instance{{Addresses: addrs("10.0.0.7"), Ports: []catalog.Port{{Port: 80}}}}},
		},
		{
			"nothing is dropped", `{"name":"s","instances":[{"status":"asleep","ports":[{"port":80,"protocol":"sctp"}]}]}`,
			service{Name: "s", Instances: []catalog.Instance{{Status: "asleep", Ports: []catalog.Port{{Port: 80, Protocol: "sctp"}}}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := service{Namespace: "before", Revision: 7, Stale: true}
			if err := json.Unmarshal([]byte(tt.text), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// TestServiceUnmarshalRefuses checks that what would be lost is refused, and
// that what was in the target stays.
func TestServiceUnmarshalRefuses(t *testing.T) {
	t.Parallel()
	instance := func(text string) string { return `{"name":"s","instances":[{},` + text + `]}` }
	tests := []struct{ name, text, field string }{
		{"null", `null`, "service"},
		{"array", `[]`, "service"},
		{"not UTF-8", "{\"name\":\"\xff\"}", "service"},
		{"member twice", `{"name":"s","name":"s"}`, "service"},
		{"member of an instance twice", instance(`{"weight":1,"weight":1}`), "service"},
		{"member of an ignored member twice", `{"name":"s","revision":{"a":1,"a":1}}`, "service"},
		{"unknown member", `{"name":"s","instance":[]}`, `"instance"`},
		{"member of another case", `{"Name":"s"}`, `"Name"`},
		{"name not a string", `{"name":1}`, "name"},
		{"namespace not a string", `{"namespace":[]}`, "namespace"},
		{"instances not an array", `{"instances":{}}`, "instances"},
		{"instance null", instance(`null`), "instances[1]"},
		{"instance not an object", instance(`"10.0.0.7"`), "instances[1]"},
		{"unknown member of an instance", instance(`{"adresses":["10.0.0.7"]}`), `instances[1]."adresses"`},
		{"member of an instance in another case", instance(`{"Weight":1}`), `instances[1]."Weight"`},
		{"unknown member of a port", instance(`{"ports":[{"port":80},{"port":81,"proto":"tcp"}]}`), `instances[1].ports[1]."proto"`},
		{"id not a string", instance(`{"id":1}`), "instances[1].id"},
		{"address not an IP", instance(`{"addresses":["10.0.0.7","db1"]}`), "instances[1].addresses[1]"},
		{"port 70000", instance(`{"ports":[{"port":70000}]}`), "instances[1].ports[0].port"},
		{"weight 1.5", instance(`{"weight":1.5}`), "instances[1].weight"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := catalog.Service{Namespace: "before", Revision: 7}
			err := got.UnmarshalJSON([]byte(tt.text))
			wantFault(t, err, tt.field)
			if want := (catalog.Service{Namespace: "before", Revision: 7}); !reflect.DeepEqual(got, want) {
				t.Errorf("the target became %+v", got)
			}
		})
	}
}

// TestInstanceUnmarshal checks that an instance by itself is read as one of a
// service is, through encoding/json and its errors too.
func TestInstanceUnmarshal(t *testing.T) {
	t.Parallel()
	var got []catalog.Instance
	if err := json.Unmarshal([]byte(`[{"id":"a",`+typicalValue[1:]+`]`), &got); err != nil {
		t.Fatal(err)
	}
	if want := []catalog.Instance{typical()}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	in := minimal()
	wantFault(t, json.Unmarshal([]byte(`{"Weight":7}`), &in), `"Weight"`)
	if !reflect.DeepEqual(in, minimal()) {
		t.Errorf("the target became %+v", in)
	}
}

func TestServiceUnmarshalNamesEach(t *testing.T) {
	t.Parallel()
	var s catalog.Service
	err := s.UnmarshalJSON([]byte(`{"instances":[{"weight":-1},{},{"host":1}]}`))
	if got, want := fields(err), []string{"instances[0].weight", "instances[2].host"}; !reflect.DeepEqual(got, want) {
		t.Errorf("members at fault: %q, want %q", got, want)
	}
}

// TestMessagesAreBounded feeds values of 64 KiB that are wrong all over: what
// an error says of them goes into logs.
func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 1 << 10
	for fill, unit := range map[string]string{"letters": "X", "escapes": `\u0000`, "quotes": `\"`, "wide": `\udbff\udfff`, "mixed": `é\n`} {
		t.Run(fill, func(t *testing.T) {
			t.Parallel()
			long := func(n int) string { return `"` + strings.Repeat(unit, n/len(unit)) + `"` }
			text := long(9000)
			everywhere := `"host":` + text + `,"ports":[{"port":80,"name":` + text + `}],"locality":` + text +
				`,"tags":[` + text + `],"metadata":{` + text + `:""},"status":` + text +
				`,"reason":1`
			values := map[string]string{
				"everywhere":      `{` + everywhere + `}`,
				"address":         `{"addresses":[` + long(60000) + `]}`,
				"member name":     `{` + long(60000) + `:1}`,
				"instead of port": with(`"ports":[{"port":` + long(60000) + `}]`),
				"instead of all":  long(60000),
				"number":          with(`"weight":` + strings.Repeat("9", 60000)),
				"trailing":        `{}` + long(60000),
				"metadata":        with(`"metadata":{"k":` + long(60000) + `}`),
				"instances":       `{"instances":[` + strings.Repeat(`{"weight":"x"},`, 4000) + `{}]}`,
			}
			var id string
			if err := json.Unmarshal([]byte(text), &id); err != nil {
				t.Fatal(err)
			}
			for name, value := range values {
				if len(value) > catalog.MaxValueSize {
					t.Fatalf("%s: the value has %d bytes", name, len(value))
				}
				_, asValue := catalog.DecodeValue(id, []byte(value))
				_, asOverride := catalog.DecodeOverride([]byte(value))
				asService := new(catalog.Service).UnmarshalJSON([]byte(value))
				for reader, err := range map[string]error{"value": asValue, "override": asOverride, "service": asService} {
					if !errors.Is(err, catalog.ErrInvalid) {
						t.Errorf("%s as %s: %v is not ErrInvalid", name, reader, err)
					} else if got := len(err.Error()); got > limit {
						t.Errorf("%s as %s: the message has %d bytes: %s", name, reader, got, err)
					}
				}
			}
			_, keyErr := catalog.ParseKey("n/s/" + id)
			_, prefixErr := catalog.CleanPrefix(id + " ")
			for _, err := range []error{keyErr, prefixErr, catalog.CheckNamespace(id)} {
				if err == nil || len(err.Error()) > limit {
					t.Errorf("a long key, prefix or namespace: %.2000v", err)
				}
			}
		})
	}
}
