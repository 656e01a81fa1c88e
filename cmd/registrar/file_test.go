package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

const ordersJSON = `{"namespace":"prod","name":"orders","revision":7,"stale":true,"instances":[
  {"id":"a","addresses":["10.0.0.7","2001:db8::7"],"ports":[{"name":"http","port":8080}],"metadata":{"version":"1.2"},"weight":5,"priority":1}]}`

const ordersYAML = `# the same as a person writes it
---
namespace: prod
name: orders
revision: 7
stale: true
instances:
- id: a
  addresses: [10.0.0.7, "2001:db8::7"]
  ports:
  - {name: http, port: 8080}
  metadata: {version: "1.2"}
  weight: 5
  priority: 1
`

func TestReadServices(t *testing.T) {
	t.Parallel()
	const want = `[{"namespace":"prod","name":"orders","revision":0,"stale":false,"instances":[` +
		`{"id":"a","addresses":["10.0.0.7","2001:db8::7"],"ports":[{"name":"http","port":8080,"protocol":"tcp"}],` +
		`"weight":5,"priority":1,"metadata":{"version":"1.2"},"status":"up"}]}]`
	for name, text := range map[string]string{
		"json":              ordersJSON,
		"array":             "[" + ordersJSON + "]",
		"byte order mark":   "\ufeff" + ordersJSON,
		"tabs":              strings.ReplaceAll(ordersJSON, "  ", "\t"),
		"yaml":              ordersYAML,
		"yaml array":        "- " + strings.ReplaceAll(strings.TrimPrefix(ordersYAML, "# the same as a person writes it\n---\n"), "\n", "\n  "),
		"yaml, end marked":  ordersYAML + "...\n# that was all\n",
		"yaml, CRLF":        strings.ReplaceAll(ordersYAML, "\n", "\r\n"),
		"yaml, empty ahead": "---\n# nothing\n" + ordersYAML,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			services, err := readServices("-", strings.NewReader(text), "default")
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(services)
			if err != nil || string(got) != want {
				t.Errorf("got  %s, %v\nwant %s", got, err, want)
			}
		})
	}
}

func TestReadServicesFillsIn(t *testing.T) {
	t.Parallel()
	services, err := readServices("-", strings.NewReader(`{"name":"s","instances":[{"addresses":["10.0.0.7"],"ports":[{"port":80}]}]}`), "prod")
	if err != nil {
		t.Fatal(err)
	}
	if s := services[0]; s.Namespace != "prod" || s.Instances[0].ID != "10-0-0-7-80" || s.Instances[0].Weight != 100 {
		t.Errorf("got %+v, want namespace, ID and weight filled in", s)
	}
}

func TestReadServicesRefuses(t *testing.T) {
	t.Parallel()
	const instance = `{"addresses":["10.0.0.7"]}`
	for name, c := range map[string]struct{ text, want string }{
		"empty":               {" \n", `the file is empty`},
		"only a comment":      {"# nothing\n", `invalid YAML: 0 documents`},
		"syntax":              {"{\"name\":\"s\",\n\"instances\":[}", `invalid JSON on line 2: invalid character '}'`},
		"truncated":           {`{"name":"s"`, `invalid JSON on line 1: unexpected end of JSON input`},
		"two objects":         {`{"name":"s","instances":[` + instance + `]}{}`, `invalid JSON on line 1: invalid character '{' after top-level value`},
		"no array element":    {`[]`, `the array has no services`},
		"null":                {`[null]`, `services[0]: service is `},
		"number":              {"7", `service is `},
		"unknown member":      {`{"name":"s","instanzes":[]}`, `"instanzes" is not a known member`},
		"unknown below":       {`{"name":"s","instances":[{"adresses":["10.0.0.7"]}]}`, `instances[0]."adresses" is not a known member`},
		"unknown in a port":   {`[{"name":"s","instances":[{"ports":[{"prt":1}]}]}]`, `services[0]: instances[0].ports[0]."prt" is not a known member`},
		"wrong case":          {`{"Name":"s"}`, `"Name" is not a known member`},
		"duplicate":           {"{\"name\":\"s\",\n\"name\":\"t\"}", `invalid JSON on line 2: member "name" appears twice`},
		"duplicate below":     {`{"name":"s","instances":[{"ports":[{"port":1},{"port":2,"port":3}]}]}`, `member "port" appears twice`},
		"port":                {`{"name":"s","instances":[{"ports":[{"port":70000}]}]}`, `instances[0].ports[0].port `},
		"port name":           {`{"name":"s","instances":[{"addresses":["10.0.0.7"],"ports":[{"port":1,"name":"--"}]}]}`, `instances[0].ports[0].name "--" is not a service name`},
		"address":             {`{"name":"s","instances":[{"addresses":["10.0.0"]}]}`, `instances[0].addresses[0] "10.0.0" is not an IP address`},
		"no address":          {`{"name":"s","instances":[{}]}`, `instances[0].addresses are missing`},
		"no instances":        {`{"name":"s"}`, `the service has no instances`},
		"no name":             {`{"instances":[` + instance + `]}`, `name "" is not a DNS label`},
		"reserved namespace":  {`{"namespace":"dns","name":"s","instances":[` + instance + `]}`, `namespace "dns" is reserved`},
		"twice in a service":  {`{"name":"s","instances":[` + instance + `,` + instance + `]}`, `instances[1].id "10-0-0-7" is also the ID of instances[0]`},
		"twice in the file":   {`[{"name":"s","instances":[` + instance + `]},{"namespace":"default","name":"s","instances":[` + instance + `]}]`, `services[1]: invalid: instance default/s/10-0-0-7 appears twice`},
		"not UTF-8":           {"{\"name\":\"\xff\"}", `is not UTF-8`},
		"yaml syntax":         {"---\n---\nname: s\n  instances: x", `invalid YAML: line 4`},
		"yaml duplicate":      {"name: s\nname: t", `invalid YAML`},
		"yaml number":         {"name: s\ninstances:\n- metadata: {version: 1.10}", `instances[0].metadata`},
		"yaml documents":      {"name: s\n---\nnames: t\n", `services[1]: "names" is not a known member`},
		"yaml unknown":        {"name: s\ninstances:\n- where: x", `instances[0]."where" is not a known member`},
		"yaml, on the marker": {"--- {name: s}\n--- {names: t}\n", `services[1]: "names" is not a known member`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readServices("-", strings.NewReader(c.text), "default")
			if !errors.Is(err, registrar.ErrInvalid) {
				t.Fatalf("error %v, want ErrInvalid", err)
			}
			if !strings.HasPrefix(err.Error(), `reading services from "-": `) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want one that names the file and has %q", err, c.want)
			}
		})
	}
}

func TestReadFileBounds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "large.json")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxFile+1); err != nil { // sparse
		t.Fatal(err)
	}
	if _, err := readServices(path, nil, "default"); !errors.Is(err, registrar.ErrInvalid) || !strings.Contains(err.Error(), "larger than 62 MiB") {
		t.Errorf("error %v, want ErrInvalid that says how much is too much", err)
	}
	if _, err := readServices(path+".none", nil, "default"); !errors.Is(err, fs.ErrNotExist) || classify(err).code != exitUsage {
		t.Errorf("error %v, want one that says the file doesn't exist, with exit code %d", err, exitUsage)
	}
}

func FuzzParseServices(f *testing.F) {
	for _, seed := range []string{
		ordersJSON, ordersYAML, "[" + ordersJSON + "]", "", "{}", "[]", "null", "- name: s", "a: &a [*a]", "---\n---\n", "%YAML 1.1\n---\nname: s",
		`{"name":"s","instances":[{"ports":[{"port":1,"port":2}]}]}`, "\ufeff{}", "{\"name\":\"\xff\"}", "name: !!binary aGk=", "? [x]\n: y",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := parseServices(text)
		if err != nil {
			if !errors.Is(err, registrar.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		if len(parsed) == 0 {
			t.Fatal("no error and no services")
		}
		services, err := prepareAll(parsed, "default")
		if err != nil {
			if !errors.Is(err, registrar.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		// What is written out reads back as the same, in every format.
		for _, format := range []format{formatJSON, formatJSONL, formatYAML} {
			var out strings.Builder
			if err := writeData(&out, format, services); err != nil {
				t.Fatal(err)
			}
			again, err := readServices("-", strings.NewReader(out.String()), "other")
			if err != nil {
				t.Fatalf("%s: %v\n%s", format, err, out.String())
			}
			want, _ := json.Marshal(services)
			if got, _ := json.Marshal(again); string(got) != string(want) {
				t.Fatalf("%s: got %s\nwant %s", format, got, want)
			}
		}
	})
}
