package docs_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/test/harness"
	"github.com/rosterdns/roster/test/tour"
)

// form is one of the JSON forms that docs/schema.json describes.
type form struct {
	pointer string // in the schema
	corpus  string // of the catalog's fuzz test
	// verdict is the catalog's.
	verdict func(text []byte) error
}

var forms = map[string]form{
	"instance": {"", "FuzzDecodeValue", func(text []byte) error {
		_, err := catalog.DecodeValue("a", text)
		return err
	}},
	"override": {"#/$defs/override", "FuzzDecodeOverride", func(text []byte) error {
		_, err := catalog.DecodeOverride(text)
		return err
	}},
	"policy": {"#/$defs/policy", "FuzzDecodePolicy", func(text []byte) error {
		_, err := catalog.DecodePolicy(text)
		return err
	}},
	"service": {"#/$defs/service", "FuzzServiceJSON", func(text []byte) error {
		var s catalog.Service
		if err := s.UnmarshalJSON(text); err != nil {
			return err
		}
		_, err := s.Prepare("default")
		return err
	}},
}

// inexpressible are the rules that a schema can't express, as docs/data-format.md
// lists them, by what the catalog says of a value that breaks them.
var inexpressible = []*regexp.Regexp{
	regexp.MustCompile(`^value is \d+ bytes, more than 65536$`),
	regexp.MustCompile(`^\S+ is "(-0|\d+\.0|\d+e\d+)", not a whole number`),
	regexp.MustCompile(`ports\[\d+\]\.name (".*" is used twice for (tcp|udp)|is missing for more than one (tcp|udp) port: .*)$`),
	regexp.MustCompile(`metadata\[".*"\] is \d+ bytes long as key=value`),
	regexp.MustCompile(`metadata has \d+ bytes in total`),
	regexp.MustCompile(`metadata has keys .*, which differ only in case$`),
	regexp.MustCompile(`^instances\[\d+\]\.id ".*" is also the ID of instances\[\d+\]$`),
}

func compile(t *testing.T, f form) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(filepath.Join(harness.SourceRoot(), "docs", "schema.json") + f.pointer)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// agree checks that the schema takes what the catalog takes, and refuses what that
// refuses, unless for a rule that no schema can express. It returns the index of
// that rule, or -1. A schema is about texts that are JSON, with each member once:
// the catalog must refuse all others.
func agree(t *testing.T, schema *jsonschema.Schema, verdict func([]byte) error, text string) (rule int) {
	t.Helper()
	want := verdict([]byte(text))
	if !jsontext.Value(text).IsValid() {
		if want == nil {
			t.Errorf("%.200s: the catalog takes it, and it is not JSON with each member once", text)
		}
		return -1
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err == nil {
		err = schema.Validate(value)
	}
	switch {
	case want == nil && err != nil:
		t.Errorf("%.200s: the catalog takes it, the schema does not: %v", text, err)
	case want != nil && err == nil:
		for i, rule := range inexpressible {
			if rule.MatchString(want.Error()) {
				return i
			}
		}
		t.Errorf("%.200s: the schema takes it, the catalog does not: %v", text, want)
	}
	return -1
}

// TestSchema holds docs/schema.json against the catalog.
func TestSchema(t *testing.T) {
	t.Parallel()
	used := map[int]bool{}
	for name, f := range forms {
		schema := compile(t, f)
		taken := 0
		for _, text := range append(schemaValues(name), corpus(t, f.corpus)...) {
			used[agree(t, schema, f.verdict, text)] = true
			if f.verdict([]byte(text)) == nil {
				taken++
			}
		}
		if taken < 5 {
			t.Errorf("%s: only %d values are valid", name, taken)
		}
	}
	for i, rule := range inexpressible {
		if !used[i] {
			t.Errorf("no value shows that a schema can't express %q", rule)
		}
	}
}

// corpus returns the seeds of a fuzz test of the catalog.
func corpus(t *testing.T, name string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(harness.SourceRoot(), "catalog", "testdata", "fuzz", name, "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no seeds of %s: %v", name, err)
	}
	var texts []string
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		literal, ok := strings.CutPrefix(strings.TrimSpace(string(file)), "go test fuzz v1\n[]byte(")
		text, err := strconv.Unquote(strings.TrimSuffix(literal, ")"))
		if !ok || err != nil {
			t.Fatalf("%s holds no text: %v", path, err)
		}
		texts = append(texts, text)
	}
	return texts
}

// TestDataFormat checks the values that docs/data-format.md shows: they are valid
// by the schema and by the catalog.
func TestDataFormat(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "docs", "data-format.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]int{}
	for _, b := range tour.Blocks(text) {
		switch b.Language {
		case "json":
			name := formOf(b.Text)
			shown[name]++
			if name == "registry" {
				if err := registryVerdict([]byte(b.Text)); err != nil {
					t.Errorf("line %d: %v", b.Line, err)
				}
				continue
			}
			if err := forms[name].verdict([]byte(b.Text)); err != nil {
				t.Errorf("line %d: %v", b.Line, err)
			}
			agree(t, compile(t, forms[name]), forms[name].verdict, b.Text)
		case "sh":
			for _, put := range quotedValue.FindAllStringSubmatch(b.Text, -1) {
				name := formOf(put[1])
				shown["put "+name]++
				if err := forms[name].verdict([]byte(put[1])); err != nil {
					t.Errorf("line %d: %v", b.Line, err)
				}
			}
		}
	}
	for _, name := range []string{"instance", "policy", "service", "registry", "put instance", "put override", "put policy"} {
		if shown[name] == 0 {
			t.Errorf("the document shows no %s", name)
		}
	}
}

// registryVerdict checks the form of an exported registry by those of its parts.
func registryVerdict(text []byte) error {
	var services []map[string]json.RawMessage
	if err := json.Unmarshal(text, &services); err != nil {
		return err
	}
	for _, s := range services {
		var overrides map[string]json.RawMessage
		errs := []error{json.Unmarshal(s["overrides"], &overrides), forms["policy"].verdict(s["policy"])}
		for _, o := range overrides {
			errs = append(errs, forms["override"].verdict(o))
		}
		delete(s, "overrides")
		delete(s, "policy")
		rest, err := json.Marshal(s)
		if err := errors.Join(append(errs, err, forms["service"].verdict(rest))...); err != nil {
			return err
		}
	}
	return nil
}

var quotedValue = regexp.MustCompile(`etcdctl put [^']*'(\{[^']*\})'`)

// formOf tells the forms apart by members that only one of them has.
func formOf(text string) string {
	switch {
	case strings.Contains(text, `"overrides"`):
		return "registry"
	case strings.Contains(text, `"instances"`):
		return "service"
	case strings.Contains(text, `"addresses"`), strings.Contains(text, `"host"`):
		return "instance"
	case strings.Contains(text, `"failover"`):
		return "policy"
	default:
		return "override"
	}
}

// TestStableIDs checks the IDs that docs/data-format.md derives.
func TestStableIDs(t *testing.T) {
	t.Parallel()
	rows := regexp.MustCompile("(?m)^\\| `(\\{.*\\})` \\| `([a-z0-9-]+)` \\|$").FindAllStringSubmatch(document(t, "data-format.md"), -1)
	for _, row := range rows {
		var in catalog.Instance
		if err := in.UnmarshalJSON([]byte(row[1])); err != nil {
			t.Errorf("%s: %v", row[1], err)
		} else if got := in.StableID(); got != row[2] {
			t.Errorf("%s has the ID %s, the document says %s", row[1], got, row[2])
		}
	}
	if len(rows) < 3 {
		t.Errorf("the document derives only %d IDs", len(rows))
	}
}
