package document

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/rosterdns/roster/catalog"
)

// FuzzParse checks that what is read is valid, and that its YAML stands for the same to
// us and to a reader of YAML 1.1.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", "[{},{}]", "{}\n{}", "{} {}", "a: 1", "- a: yes\n", "a: 0777", "a: 0o17", "a: &a [*a]", "---\n---\n", "%YAML 1.2\n---\na: b", "%YAML 1.1\n---\na: b",
		"<<: x", "? [x]\n: y", "a: !!binary aGk=", "a: \u0085", "a: 1.e3", "{\"a\":\"\xff\"}", "\ufeff{}", "a: |\n  x\n", "a: >-\n  x\n  y\n", "a: 'x''y'", "a: {b: [c, d]}", "a: \"\\N\\x00\\u2028\"", "a: 1\n...\nb",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse(text)
		if err != nil {
			if !errors.Is(err, catalog.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		for _, o := range file.Objects {
			var want any
			if !json.Valid(o.JSON) {
				t.Fatalf("%q is not valid", o.JSON)
			}
			if json.Unmarshal(o.JSON, &want) != nil {
				continue // numbers that Go doesn't have
			}
			if line := o.Line("a[0].b"); line < 1 || line > 1+strings.Count(strings.ReplaceAll(string(text), "\r", "\n"), "\n") {
				t.Fatalf("there is no line %d", line)
			}
			checkYAML(t, o.JSON, want)
		}
	})
}

// checkYAML checks that a JSON value, if it is an object, survives as YAML.
func checkYAML(t *testing.T, text []byte, want any) {
	t.Helper()
	var b strings.Builder
	if err := WriteYAML(&b, text); err != nil {
		t.Fatal(err)
	}
	if _, ok := want.(map[string]any); !ok || len(want.(map[string]any)) == 0 {
		return
	}
	again, err := Parse([]byte(b.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	var got any
	if err := json.Unmarshal(again.Objects[0].JSON, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s came back as %s: %v\n%s", text, again.Objects[0].JSON, err, b.String())
	}
	var old map[string]any
	if err := yaml.Unmarshal([]byte(b.String()), &old); err != nil {
		t.Fatalf("another reader: %v\n%s", err, b.String())
	}
	asJSON, err := json.Marshal(old)
	if err != nil {
		return // numbers that JSON has not
	}
	got = nil
	if err := json.Unmarshal(asJSON, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("another reader takes it for %s, not %s\n%s", asJSON, text, b.String())
	}
}
