package render_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/cmd/registrar/internal/render"
	"github.com/rosterdns/roster/registrar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixed is a Source that knows what it has.
type fixed struct {
	services map[string][]registrar.Instance
	lists    map[string][]string
}

func (f fixed) Service(name string) ([]registrar.Instance, bool) {
	instances, ok := f.services[name]
	return instances, ok
}

func (f fixed) Services(namespace string) ([]string, bool) {
	names, ok := f.lists[namespace]
	return names, ok
}

func addresses(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func http(number uint16) []registrar.Port {
	return []registrar.Port{{Name: "http", Port: number, Protocol: "tcp"}}
}

var sample = fixed{
	services: map[string][]registrar.Instance{
		"default/orders": {
			{ID: "a", Addresses: addresses("10.0.0.7"), Ports: http(8080), Weight: 100, Status: "up", Metadata: map[string]string{"version": "1.2"}},
			{ID: "b", Addresses: addresses("2001:db8::8", "10.0.0.8"), Ports: http(8080), Weight: 500, Priority: 1, Status: "draining", Tags: []string{"y", "x"}},
			{ID: "c", Host: "c.example.com", Ports: http(80), Weight: 1, Status: "up"},
		},
		"default/carts": {{ID: "d", Addresses: addresses("10.0.0.9"), Status: "up"}},
		"default/empty": {},
		"prod/orders":   {{ID: "e", Addresses: addresses("10.0.1.1"), Status: "up"}},
	},
	lists: map[string][]string{"default": {"default/carts", "default/empty", "default/orders"}, "": {"default/orders", "prod/orders"}},
}

func parse(t *testing.T, text string, minimum int) *render.Template {
	t.Helper()
	parsed, err := render.Parse("test.tmpl", text, "default", minimum)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestFunctions(t *testing.T) {
	t.Setenv("REGION", "eu")
	for text, want := range map[string]string{
		`{{range service "orders"}}{{.ID}} {{end}}`:                                     "a b c ",
		`{{range service "prod/orders"}}{{.ID}} {{end}}`:                                "e ",
		`{{range service "orders" | up}}{{.ID}} {{end}}`:                                "a c ",
		`{{range service "carts" | withPort "http"}}{{.ID}}{{end}}`:                     "",
		`{{range service "orders" | withPort ""}}{{.ID}} {{end}}`:                       "a b c ",
		`{{with index (service "orders") 1}}{{addrPort "http" .}} {{port "" .}}{{end}}`: "[2001:db8::8]:8080 8080",
		`{{range service "orders"}}{{hostPort "http" .}} {{end}}`:                       "10.0.0.7:8080 [2001:db8::8]:8080 c.example.com:80 ",
		`{{range service "orders"}}{{.Metadata.version}};{{end}}`:                       "1.2;;;",
		`{{range service "orders"}}{{if .Up}}{{.Status}}{{end}};{{end}}`:                "up;;up;",
		`{{join "," (services "default")}}`:                                             "default/carts,default/empty,default/orders",
		`{{len services}}`:                                                              "2",
		`{{(index (service "orders") 1).Tags | sort | join "+"}}`:                       "x+y",
		`{{json (index (service "prod/orders") 0)}}`:                                    `{"id":"e","addresses":["10.0.1.1"],"priority":0,"status":"up"}`,
		`{{replace "a" "b" "aha"}} {{env "REGION"}}`:                                    "bhb eu",
		`{{len (optional "empty")}}`:                                                    "0",
	} {
		result, err := parse(t, text, 1).Run(sample)
		if err != nil || string(result.Text) != want || result.Unknown || len(result.Few) > 0 {
			t.Errorf("%s: %q, %v, %+v, want %q", text, result.Text, err, result, want)
		}
	}
}

func TestRunAsksForServices(t *testing.T) {
	t.Parallel()
	const text = `{{service "orders"}}{{service "none?tag=x"}}{{optional "empty"}}{{services}}{{service "empty"}}{{service "empty"}}`
	result, err := parse(t, text, 1).Run(sample)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"default/orders", "default/none?tag=x", "default/empty"} {
		if !result.Services[name] {
			t.Errorf("%s is not among %v", name, result.Services)
		}
	}
	if len(result.Services) != 3 || !result.Lists[""] || len(result.Lists) != 1 {
		t.Errorf("it asked for %v and %v", result.Services, result.Lists)
	}
	if !result.Unknown || !slices.Contains(result.Few, "default/empty") {
		t.Errorf("unknown %t, few %q", result.Unknown, result.Few)
	}
}

// TestMin: how many instances a service needs.
func TestMin(t *testing.T) {
	t.Parallel()
	for minimum, want := range map[int]string{0: "", 1: "default/empty", 2: "default/carts default/empty", 4: "default/carts default/empty default/orders"} {
		result, err := parse(t, `{{service "orders"}}{{service "carts"}}{{service "empty"}}`, minimum).Run(sample)
		if got := strings.Join(result.Few, " "); err != nil || got != want {
			t.Errorf("at least %d: %q, %v, want %q", minimum, got, err, want)
		}
	}
}

// TestErrors name the line.
func TestErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a\n{{range}}":                       `invalid template test.tmpl:2: missing value for range`,
		"{{nope}}":                           `invalid template test.tmpl:1: function "nope" not defined`,
		"a\nb\n{{service \"Bad\"}}":          `invalid template test.tmpl:3:2: executing "test.tmpl" at <service "Bad">: error calling service: registrar: name "Bad": `,
		`{{(index (service "empty") 0).ID}}`: `invalid template test.tmpl:1:3: executing "test.tmpl" at <index (service "empty") 0>: error calling index: `,
		`{{range service "carts"}}{{port "http" .}}{{end}}`:      `instance "d" has no port "http": filter with withPort`,
		`{{range service "orders"}}{{addrPort "http" .}}{{end}}`: `instance "c" has a host in place of addresses: use hostPort`,
		`{{range service "carts"}}{{hostPort "http" .}}{{end}}`:  `instance "d" has no port "http": filter with withPort`,
		`{{range service "orders"}}{{.Place}}{{end}}`:            `can't evaluate field Place`,
		`{{services "a" "b"}}`:                                   `2 namespaces: give one, or none for all`,
	} {
		parsed, err := render.Parse("test.tmpl", text, "default", 1)
		if err == nil {
			_, err = parsed.Run(sample)
		}
		if !errors.Is(err, registrar.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestErrorsOfWhatIsUnknown: a template can rely on what it doesn't get yet, but not on a
// name that is none.
func TestErrorsOfWhatIsUnknown(t *testing.T) {
	t.Parallel()
	result, err := parse(t, `{{(index (service "unknown") 0).ID}}`, 1).Run(sample)
	if err != nil || !result.Unknown {
		t.Errorf("%+v, %v", result, err)
	}
	if _, err := parse(t, `{{service "unknown"}}{{service "Bad"}}`, 1).Run(sample); !errors.Is(err, registrar.ErrInvalid) {
		t.Errorf("the error is %v", err)
	}
}

// TestExamples: what the examples come to.
func TestExamples(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Glob("../../../../examples/render/*.tmpl")
	if err != nil || len(examples) != 3 {
		t.Fatalf("examples %q, %v", examples, err)
	}
	for _, path := range examples {
		name := strings.TrimSuffix(filepath.Base(path), ".tmpl")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		result, err := parse(t, string(text), 1).Run(sample)
		if err != nil || string(result.Text) != string(want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, result.Text, want)
		}
		if first, _, _ := strings.Cut(string(text), "\n"); !strings.HasPrefix(first, "# registrar render "+filepath.Base(path)+" ") {
			t.Errorf("%s doesn't say how it is used: %q", path, first)
		}
	}
}
