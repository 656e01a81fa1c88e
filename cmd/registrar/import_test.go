package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stocked returns a registry with services that are leased, static, overridden, and with a
// policy.
func stocked(t *testing.T) *shop {
	t.Helper()
	s := newShop()
	s.do(t, stockedJSON, exitOK, "import", "-")
	return s
}

const stockedJSON = `[
  {"namespace":"default","name":"cart","policy":{"alias":"default/cart-v2"}},
  {"namespace":"default","name":"cart-v2","instances":[{"id":"a","addresses":["10.0.0.7"],"ports":[{"name":"http","port":8080}],"static":true},
    {"id":"b","addresses":["10.0.0.8"],"static":true}],"overrides":{"b":{"status":"draining","reason":"kernel update"},"gone":{"status":"down"}}},
  {"namespace":"prod","name":"db","instances":[{"id":"primary","host":"db1.example.com","metadata":{"note":"yes"},"status":"down","static":true}]}
]`

// revisions removes what differs between registries of the same contents.
func revisions(s string) string {
	var out []string
	for line := range strings.Lines(s) {
		if !strings.Contains(line, "revision") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

func TestExport(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	const cart = "- instances: []\n  name: cart\n  namespace: default\n  policy:\n    alias: default/cart-v2\n  revision: 2\n  stale: false\n"
	s.says(t, cart, "export", "cart", "-o", "yaml")
	s.says(t, cart, "export", "cart", "default/cart", "-o", "yaml")
	out, stderr := s.do(t, "", exitOK, "export", "-n", "default", "-o", "jsonl")
	if strings.Count(out, "\n") != 2 || !strings.HasPrefix(out, `{"namespace":"default","name":"cart","revision":2,"stale":false,"policy":{"alias":"default/cart-v2"},"instances":[]}`+"\n") {
		t.Errorf("export -o jsonl wrote %s", out)
	}
	if want := "registrar: exported 2 services as of revision 4\n"; stderr != want && !strings.HasPrefix(stderr, "registrar: exported 2 services as of revision ") {
		t.Errorf("export said %q, want %q", stderr, want)
	}
	if _, stderr := s.do(t, "", exitNotFound, "export", "cart", "none"); stderr != "registrar: exporting: service default/none: not found: to see the services, run: registrar list\n" {
		t.Errorf("export of nothing said %q", stderr)
	}
	all, _ := s.do(t, "", exitOK, "export")
	again, _ := s.do(t, "", exitOK, "export", "--all-namespaces")
	if all != again || strings.Count(all, `"namespace"`) != 3 {
		t.Errorf("two exports differ, or lack something:\n%s\n%s", all, again)
	}
	newShop().says(t, "[]\n", "export")
	newShop().says(t, "[]\n", "export", "-n", "prod", "-o", "yaml")
	newShop().says(t, "", "export", "-o", "jsonl")
	_, stderr = newShop().do(t, "", exitOK, "export", "--prefix", "/none")
	if want := "registrar: exported 0 services as of revision 1: there are none in any namespace below prefix \"/none\": check --prefix\n"; stderr != want {
		t.Errorf("export of nothing said %q, want %q", stderr, want)
	}
}

// TestExportIsInput shows that import restores what export wrote, in each format, and
// that doing it again changes nothing.
func TestExportIsInput(t *testing.T) {
	t.Parallel()
	from := stocked(t)
	want, _ := from.do(t, "", exitOK, "export")
	for _, format := range []string{"json", "jsonl", "yaml"} {
		to := newShop()
		text, _ := from.do(t, "", exitOK, "export", "-o", format)
		if _, stderr := to.do(t, text, exitOK, "import", "-"); stderr != "registrar: imported 3 services: 6 created, 0 updated, 0 deleted, 0 unchanged\n" {
			t.Errorf("import said %q", stderr)
		}
		if got, _ := to.do(t, "", exitOK, "export"); revisions(got) != revisions(want) {
			t.Errorf("%s: got\n%swant\n%s", format, got, want)
		}
		before, _ := to.do(t, "", exitOK, "export")
		if stdout, stderr := to.do(t, text, exitOK, "import", "--prune-namespaces", "-"); stdout != "" || stderr != "registrar: imported 3 services: 0 created, 0 updated, 0 deleted, 6 unchanged\n" {
			t.Errorf("the second import wrote %q and said %q", stdout, stderr)
		}
		if after, _ := to.do(t, "", exitOK, "export"); after != before {
			t.Errorf("%s: the second import changed\n%sto\n%s", format, before, after)
		}
	}
}

// TestExportIsRegistered shows that register takes services of an export, or says why not.
func TestExportIsRegistered(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	text, _ := s.do(t, "", exitOK, "export", "prod/db")
	newShop().do(t, text, exitOK, "register", "--file", "-", "--static")
	for service, member := range map[string]string{"cart": "policy", "cart-v2": "overrides"} {
		text, _ := s.do(t, "", exitOK, "export", service)
		want := `registrar: reading services from "-": services[0]: "` + member + `" is not a known member: register writes instances alone: use 'registrar import'` + "\n"
		if _, stderr := newShop().do(t, text, exitUsage, "register", "--file", "-", "--static"); stderr != want {
			t.Errorf("register said %q, want %q", stderr, want)
		}
	}
}

func TestImportDifferences(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	before, _ := s.do(t, "", exitOK, "export")
	const file = `
namespace: default
name: cart-v2
policy: {min_up: 1}
overrides:
  b: {status: down}
instances:
- {id: a, addresses: [10.0.0.7], ports: [{name: http, port: 8080}], weight: 5, static: true}
- {id: c, addresses: [10.0.0.9], static: true}
- {id: d, addresses: [10.0.0.10]}
`
	stdout, stderr := s.do(t, file, exitOK, "import", "--dry-run", "--prune", "-")
	const want = `ACTION  KIND      NAME               CHANGE
update  override  default/cart-v2/b  reason "kernel update" -> -; status "draining" -> "down"
create  policy    default/cart-v2    {"min_up":1}
update  instance  default/cart-v2/a  weight 100 -> 5
create  instance  default/cart-v2/c  10.0.0.9
delete  instance  default/cart-v2/b  -
`
	if stdout != want {
		t.Errorf("got\n%swant\n%s", stdout, want)
	}
	const said = `registrar: left out 1 instance, since they are not static (--static imports them): default/cart-v2/d
registrar: would import 1 service: 2 created, 2 updated, 1 deleted, 0 unchanged
`
	if stderr != said {
		t.Errorf("it said %q, want %q", stderr, said)
	}
	if after, _ := s.do(t, "", exitOK, "export"); after != before {
		t.Errorf("--dry-run has changed\n%sto\n%s", before, after)
	}
	stdout, stderr = s.do(t, file, exitOK, "import", "--prune", "--static", "-o", "name", "-")
	if stdout != "default/cart-v2/b\ndefault/cart-v2\ndefault/cart-v2/a\ndefault/cart-v2/c\ndefault/cart-v2/d\ndefault/cart-v2/b\n" ||
		stderr != "registrar: imported 1 service: 3 created, 2 updated, 1 deleted, 0 unchanged\n" {
		t.Errorf("import wrote %q and said %q", stdout, stderr)
	}
	s.says(t, "a\nc\nd\n", "get", "cart-v2?status=any", "-o", "name")
	s.says(t, "primary\n", "get", "prod/db?status=any", "-o", "name") // not in the file
}

func TestImportOutput(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	const file = `{"name":"cart","policy":{"ttl":5}}`
	const change = `{"action":"update","kind":"policy","namespace":"default","service":"cart","old":{"alias":"default/cart-v2"},"new":{"ttl":5}}` + "\n"
	if stdout, _ := s.do(t, file, exitOK, "import", "--dry-run", "-", "-o", "jsonl"); stdout != change {
		t.Errorf("-o jsonl: %s", stdout)
	}
	if stdout, _ := s.do(t, file, exitOK, "import", "-", "-o", "yaml"); stdout != "- action: update\n  kind: policy\n  namespace: default\n  new:\n    ttl: 5\n  old:\n    alias: default/cart-v2\n  service: cart\n" {
		t.Errorf("-o yaml: %s", stdout)
	}
	if stdout, _ := s.do(t, file, exitOK, "import", "-", "-o", "json"); stdout != "[]\n" {
		t.Errorf("-o json: %s", stdout)
	}
}

// TestImportLeavesLeased shows that import doesn't take over what a process keeps registered.
func TestImportLeavesLeased(t *testing.T) {
	t.Parallel()
	s := newShop()
	client, err := s.open()(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	services, err := readServices("-", strings.NewReader(`{"name":"orders","instances":[{"id":"a","addresses":["10.0.0.7"]}]}`), "default")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Register(t.Context(), services[0]); err != nil {
		t.Fatal(err)
	}
	if err := client.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, _ := s.do(t, "", exitOK, "export")
	_, stderr := s.do(t, before, exitOK, "import", "--static", "--prune", "-")
	if want := "registrar: left 1 instance to the processes that keep them registered: default/orders/a\nregistrar: imported 1 service: 0 created, 0 updated, 0 deleted, 0 unchanged\n"; stderr != want {
		t.Errorf("import said %q, want %q", stderr, want)
	}
	_, stderr = s.do(t, `{"name":"orders"}`, exitOK, "import", "--prune-namespaces", "-")
	if !strings.HasSuffix(stderr, ": 0 created, 0 updated, 0 deleted, 0 unchanged\n") {
		t.Errorf("import said %q", stderr)
	}
	if after, _ := s.do(t, "", exitOK, "export"); after != before {
		t.Errorf("import has changed\n%sto\n%s", before, after)
	}
}

// TestImportWritesAllOrNothing shows that a file with a fault changes nothing.
func TestImportWritesAllOrNothing(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	before, _ := s.do(t, "", exitOK, "export")
	path := filepath.Join(t.TempDir(), "services.yaml")
	for text, want := range map[string]string{
		"- name: new\n  policy: {ttl: 5}\n- name: s\n  policy:\n    min_up: -1\n":                   path + `:5: policy.min_up is "-1", not a whole number`,
		"- name: new\n  policy: {ttl: 5}\n- name: s\n  instances:\n  - id: a\n    adresses: [x]\n":  path + `:6: instances[0]."adresses" is not a known member`,
		"- name: new\n  policy: {ttl: 5}\n- name: s\n  overrides:\n    a: {status: up}\n":           path + `:5: overrides.a.status "up" is neither`,
		"name: new\npolicy: {ttl: 5}\n---\nname: new\n":                                             path + `:4: invalid: service default/new is also on line 1`,
		"name: new\npolicy: {ttl: 5}\n---\nname: s\nname: t\n":                                      path + `: invalid YAML: line 5: member "name" appears twice`,
		"name: cart-v2\npolicy: {alias: default/cart}\n":                                            `service default/cart-v2: policy.alias "default/cart" leads back to the service itself`,
		"- {name: a, policy: {alias: default/b}}\n- {name: b, policy: {alias: default/a}}\n":        `leads back to the service itself`,
		"[{\"name\":\"new\",\"policy\":{\"ttl\":5}},\n{\"name\":\"S\",\"policy\":{\"ttl\":\"x\"}}]": path + `:2: policy.ttl`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, stderr := s.do(t, "", exitUsage, "import", path); !strings.Contains(stderr, want) {
			t.Errorf("%q: import said %q, want %q", text, stderr, want)
		}
	}
	if after, _ := s.do(t, "", exitOK, "export"); after != before {
		t.Errorf("import has changed\n%sto\n%s", before, after)
	}
}

// TestImportForeign imports what Consul and SkyDNS say, as static instances.
func TestImportForeign(t *testing.T) {
	t.Parallel()
	s := newShop()
	const consul = `[{"Node":"n1","Address":"10.1.0.1","ServiceID":"web-1","ServiceName":"Web","ServicePort":80,"ServiceTags":["v1.2"]},{"Node":"n1","Address":"10.1.0.1","ServiceID":"x","ServiceName":"a_b"}]`
	_, stderr := s.do(t, consul, exitOK, "import", "--from", "consul", "-n", "prod", "-")
	const want = `registrar: -:1: service "Web", ID "web-1", node "n1": the service is imported as "web"
registrar: -:1: service "Web", ID "web-1", node "n1": tag "v1.2" left out: tags are DNS labels
registrar: -:1: service "a_b", ID "x", node "n1": left out: the service "a_b" is not a DNS label: 1 to 63 of a-z, 0-9 and '-', no '-' at either end
registrar: left out 1 record
registrar: imported 1 service: 1 created, 0 updated, 0 deleted, 0 unchanged
`
	if stderr != want {
		t.Errorf("it said\n%swant\n%s", stderr, want)
	}
	s.says(t, "ID     ADDRESS   PORTS   STATUS  WEIGHT  PRIO\nweb-1  10.1.0.1  80/tcp  up      1       0\n", "get", "prod/web")
	s.do(t, "/dns/org/example/db/a\n{\"host\":\"10.2.0.1\",\"port\":5432}\n", exitOK, "import", "--from", "skydns", "--from-zone", "example.org", "-")
	s.says(t, "a\n", "get", "db", "-o", "name")
}
