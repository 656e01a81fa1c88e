package document

import (
	"errors"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

// all returns the JSON of the objects, one on a line.
func all(f File) string {
	var lines []string
	for _, o := range f.Objects {
		lines = append(lines, strings.Join(strings.Fields(string(o.JSON)), ""))
	}
	return strings.Join(lines, "\n")
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, want string
		list       bool
	}{
		"object":               {`{"a":1}`, `{"a":1}`, false},
		"byte order mark":      {"\ufeff{}", `{}`, false},
		"array":                {`[{"a":1}, {"b":[2]}]`, "{\"a\":1}\n{\"b\":[2]}", true},
		"array of one":         {` [ {} ] `, `{}`, true},
		"empty array":          {`[]`, ``, true},
		"JSON lines":           {"{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}\n{\"b\":2}", true},
		"lines and arrays":     {"{\"a\":1}\n[{\"b\":2},\n{\"c\":3}]\r\n\n{}\n", "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n{}", true},
		"indented in a row":    {"{\n  \"a\": 1\n}\n{\n  \"b\": 2\n}", "{\"a\":1}\n{\"b\":2}", true},
		"YAML":                 {"a: 1\nb: [x, \"y\"]\n", `{"a":1,"b":["x","y"]}`, false},
		"YAML array":           {"- a: 1\n- b: 2\n", "{\"a\":1}\n{\"b\":2}", true},
		"documents":            {"---\na: 1\n---\nb: 2\n...\n---\n- c: 3\n", "{\"a\":1}\n{\"b\":2}\n{\"c\":3}", true},
		"one document":         {"# ahead\n---\na: 1\n...\n# and that was all\n", `{"a":1}`, false},
		"empty documents":      {"---\n---\n# nothing\n---\na: 1\n---\n", `{"a":1}`, false},
		"on the marker":        {"--- {a: 1}\n--- {b: 2}\n", "{\"a\":1}\n{\"b\":2}", true},
		"version":              {"%YAML 1.2\n---\na: 1\n", `{"a":1}`, false},
		"alias":                {"a: &x {b: 1}\nc: *x\n", `{"a":{"b":1},"c":{"b":1}}`, false},
		"marker in a scalar":   {"a: |\n  ---\n  b\n", `{"a":"---\nb\n"}`, false},
		"line ends of Windows": {"a: 1\r\nb: 2\r\n", `{"a":1,"b":2}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Parse([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := all(f); got != c.want || f.List != c.list {
				t.Errorf("got %s (list %v)\nwant %s (list %v)", got, f.List, c.want, c.list)
			}
		})
	}
}

// TestScalarsOfYAML12 has scalars that readers of YAML 1.1 take for something else: they
// are read as YAML 1.2, or refused by name.
func TestScalarsOfYAML12(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"! 12": `line 1: tag "!" is not supported`, "&x ! 12": `tag "!" is not supported`,
		// strings, that were booleans
		"yes": `"yes"`, "No": `"No"`, "on": `"on"`, "OFF": `"OFF"`, "y": `"y"`, "N": `"N"`,
		// strings, that were numbers or times
		"1_000": `"1_000"`, "0b11": `"0b11"`, "1:30": `"1:30"`, "190:20:30": `"190:20:30"`, "2001-12-14": `"2001-12-14"`,
		"2001-12-14t21:59:43.10-05:00": `"2001-12-14t21:59:43.10-05:00"`, "=": `"="`, "0o8": `"0o8"`, "0xg": `"0xg"`,
		// numbers
		"8080": "8080", "+8080": "8080", "-1": "-1", "0": "0", "0o17": "15", "0x1F": "31", "1.10": "1.10", ".5": "0.5", "-.5": "-0.5", "1.": "1.0", "1.e3": "1.0e3", "1e3": "1e3",
		// the rest
		"": "null", "~": "null", "Null": "null", "nULL": `"nULL"`, "true": "true", "False": "false", "tRUE": `"tRUE"`,
		`"0777"`: `"0777"`, `'yes'`: `"yes"`, "!!str 12": `"12"`, "!!str yes": `"yes"`, "10.0.0.7": `"10.0.0.7"`, "2001:db8::7": `"2001:db8::7"`,
		// refused
		"0777": "line 1: 0777 is an octal number to readers of YAML 1.1", "-01": "line 1: -01 is an octal number", "01.5": "line 1: 01.5 is an octal",
		".inf": "line 1: .inf is a number in YAML 1.2, and none in JSON", "-.INF": "none in JSON", ".nan": "none in JSON",
		"!!binary aGk=": `line 1: tag "!!binary" is not supported`, "!!int '1'": `tag "!!int" is not`, "!mine x": `tag "!mine" is not`, "!!set {a}": `tag "!!set" is not`, "!!omap [a: 1]": `tag "!!omap" is not`,
		strings.Repeat("9", 101): "line 1: 99999999999999999999… is a number of more than 100 digits",
		"a\u0085b":               `line 1: the character "\u0085" is a line break in YAML 1.1`, "\"a\u2028b\"": `"\u2028" is a line break`,
	} {
		f, err := Parse([]byte("a: " + text + "\n"))
		if err != nil {
			if !errors.Is(err, catalog.ErrInvalid) || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %q, want %q", text, err, want)
			}
			continue
		}
		if got := string(f.Objects[0].JSON); got != `{"a":`+want+"}" {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {" \n", "the file is empty"},
		"only comments":     {"# nothing\n---\n", "invalid YAML: 0 documents"},
		"on one line":       {"{\"a\":1}\n{} {}", "invalid JSON on line 2: invalid character '{' after top-level value"},
		"syntax":            {"{}\n{\"a\":}", "invalid JSON on line 2: invalid character '}'"},
		"cut":               {"{}\n{\n", "invalid JSON on line 3: unexpected end of JSON input"},
		"text after":        {"{}\nnext", "invalid JSON on line 2: invalid character 'e' in literal null"},
		"twice":             {"{}\n{\"a\":1,\n\"a\":2}", `invalid JSON on line 3: member "a" appears twice`},
		"YAML 1.1":          {"%YAML 1.1\n---\na: 1\n", `invalid YAML: line 1: the directive "%YAML 1.1" is not %YAML 1.2`},
		"no version":        {"%YAML\n---\na: 1\n", `the directive "%YAML" is not`},
		"YAML twice":        {"a: 1\nb: 2\na: 3\n", `invalid YAML: line 3: member "a" appears twice`},
		"merge key":         {"a: &x {b: 1}\nc:\n  <<: *x\n", `invalid YAML: line 3: merge keys (<<) are not part of YAML 1.2`},
		"name is a number":  {"a: {80: x}\n", "invalid YAML: line 1: the name of a member is 80, not a string: quote it"},
		"name is a list":    {"? [x]\n: y\n", "the name of a member is not a string"},
		"in itself":         {"a: &x [*x]\n", "invalid YAML: line 1: alias *x stands for what it is in"},
		"many aliases":      {bomb(), "the aliases stand for too much"},
		"unknown alias":     {"a: *x\n", "invalid YAML: unknown anchor 'x' referenced"},
		"indentation":       {"a: b\n  c: d\n", "invalid YAML: line 2: mapping values are not allowed"},
		"control character": {"a: \x01\n", "invalid YAML: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Parse([]byte(c.text))
			if !errors.Is(err, catalog.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want ErrInvalid with %q; got %s", err, c.want, all(f))
			}
		})
	}
}

// bomb returns a short text that stands for a long one.
func bomb() string {
	text := "a0: &a0 [x]\n"
	for i := 1; i < 10; i++ {
		at := string(rune('0' + i))
		text += "a" + at + ": &a" + at + " [" + strings.Repeat("*a"+string(rune('0'+i-1))+", ", 20) + "]\n"
	}
	return text
}

func TestLine(t *testing.T) {
	t.Parallel()
	const inJSON = "{\"name\": \"first\"}\n\n[{\"name\": \"s\",\n \"instances\": [{\"id\": \"a\"},\n  {\"id\": \"b\",\n   \"ports\": [\n    {\"port\": 1}]}]}]"
	const inYAML = "---\nname: first\n---\n- name: s\n  instances:\n  - id: a\n  - id: b\n    ports:\n    - port: 1\n"
	for _, c := range []struct {
		field      string
		json, yaml int
	}{
		{"", 3, 4},
		{"name", 3, 4},
		{"instances[1].id", 5, 7},
		{"instances[1].ports[0].port", 7, 9},
		{"instances[1].ports[0].name", 7, 9}, // absent
		{"instances[2]", 4, 5},
		{`instances[0]."id"`, 4, 6},
		{`"unheard of"`, 3, 4},
		{`"cut`, 3, 4},
	} {
		for format, text := range map[string]string{"JSON": inJSON, "YAML": inYAML} {
			f, err := Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			want := c.json
			if format == "YAML" {
				want = c.yaml
			}
			if got := f.Objects[1].Line(c.field); got != want {
				t.Errorf("%s: %s is on line %d, want %d", format, c.field, got, want)
			}
		}
	}
}

func TestWriteYAML(t *testing.T) {
	t.Parallel()
	const text = `{"z":["a-1","10.0.0.7","2001:db8::7","1:2:3:4:5:6:7:8","yes","0o17","0777","1_0","null","Y","",".inf","a: b","#","é","\u0085","x\ny","1e3"],"b":true,"a":{},"c":[],"n":-1}`
	const want = `a: {}
b: true
c: []
"n": -1
z:
- a-1
- 10.0.0.7
- 2001:db8::7
- "1:2:3:4:5:6:7:8"
- "yes"
- "0o17"
- "0777"
- "1_0"
- "null"
- "Y"
- ""
- ".inf"
- "a: b"
- "#"
- "é"
- "\N"
- "x\ny"
- "1e3"
`
	var b strings.Builder
	if err := WriteYAML(&b, []byte(text)); err != nil || b.String() != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, b.String(), want)
	}
	if err := WriteYAML(&b, []byte(`{"a"`)); err == nil {
		t.Error("no error for JSON that is cut")
	}
}
