package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

func ordersService() *registrar.Service {
	return &registrar.Service{
		Namespace: "default", Name: "orders", Revision: 7,
		Instances: []registrar.Instance{
			{
				ID: "a", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("2001:db8::7")},
				Ports:  []registrar.Port{{Name: "http", Port: 8080, Protocol: "tcp"}, {Port: 53, Protocol: "udp"}},
				Weight: 100, TTL: 5, Locality: "az1", Tags: []string{"canary", "blue"},
				Metadata: map[string]string{"version": "1.2", "note": "a, \x1b[31mb<&>"}, Status: "up",
			},
			{ID: "b", Host: "db1.example.com", Weight: 1, Priority: 10, Status: "draining", Static: true},
		},
	}
}

func TestWriteService(t *testing.T) {
	t.Parallel()
	const a = `{"id":"a","addresses":["10.0.0.7","2001:db8::7"],"ports":[{"name":"http","port":8080,"protocol":"tcp"},{"port":53,"protocol":"udp"}],` +
		`"weight":100,"priority":0,"ttl":5,"locality":"az1","tags":["canary","blue"],"metadata":{"note":"a, \u001b[31mb<&>","version":"1.2"},"status":"up"}`
	const b = `{"id":"b","host":"db1.example.com","weight":1,"priority":10,"status":"draining","static":true}`
	for f, want := range map[format]string{
		formatTable: `
ID  ADDRESS               PORTS                 STATUS    WEIGHT  PRIO
a   10.0.0.7,2001:db8::7  http:8080/tcp,53/udp  up        100     0
b   db1.example.com       -                     draining  1       10
`,
		formatWide: `
ID  ADDRESS               PORTS                 STATUS    WEIGHT  PRIO  LOCALITY  TAGS         METADATA                            TTL  KIND
a   10.0.0.7,2001:db8::7  http:8080/tcp,53/udp  up        100     0     az1       canary,blue  "note=a, \x1b[31mb<&>",version=1.2  5    leased
b   db1.example.com       -                     draining  1       10    -         -            -                                   -    static
`,
		formatJSONL: "\n" + `{"namespace":"default","name":"orders","revision":7,"stale":false,"instances":[` + a + "," + b + "]}\n",
		formatName:  "\na\nb\n",
		formatYAML: `
instances:
- addresses:
  - 10.0.0.7
  - 2001:db8::7
  id: a
  locality: az1
  metadata:
    note: "a, \e[31mb<&>"
    version: "1.2"
  ports:
  - name: http
    port: 8080
    protocol: tcp
  - port: 53
    protocol: udp
  priority: 0
  status: up
  tags:
  - canary
  - blue
  ttl: 5
  weight: 100
- host: db1.example.com
  id: b
  priority: 10
  static: true
  status: draining
  weight: 1
name: orders
namespace: default
revision: 7
stale: false
`,
	} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := writeService(&out, f, ordersService()); err != nil {
				t.Fatal(err)
			}
			if got := "\n" + out.String(); got != want {
				t.Errorf("got:%s\nwant:%s", got, want)
			}
		})
	}
}

func TestWriteServiceIndented(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := &registrar.Service{Namespace: "default", Name: "none"}
	if err := writeService(&out, formatJSON, s); err != nil {
		t.Fatal(err)
	}
	const want = `{
  "namespace": "default",
  "name": "none",
  "revision": 0,
  "stale": false,
  "instances": []
}
`
	if out.String() != want {
		t.Errorf("got %s\nwant %s", out.String(), want)
	}
}

// TestWriteYAMLKeepsText shows that what YAML has another opinion on than JSON
// comes back as it was.
func TestWriteYAMLKeepsText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"next\u0085line", "\u0080\u009b", "\x7f", "a\u2028b\u2029c", "\ufeffbom", "\U0001f600", "\ufffd", "é", "1.10", "yes", "null", "~", "- a", "a: b", "#"} {
		s := ordersService().Clone()
		s.Instances[0].Metadata = map[string]string{"text": text}
		var out strings.Builder
		if err := writeService(&out, formatYAML, s); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		again, err := readServices("-", strings.NewReader(out.String()), "default")
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := again[0].Instances[0].Metadata["text"]; got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}

// writes counts calls of Write.
type writes int

func (w *writes) Write(p []byte) (int, error) { *w++; return len(p), nil }

// TestTableIsWrittenAtOnce: a message, which is written by another goroutine, must not come
// between two rows.
func TestTableIsWrittenAtOnce(t *testing.T) {
	t.Parallel()
	var w writes
	if err := writeTable(&w, []string{"ID"}, [][]string{{"a"}, {"b"}}); err != nil || w != 1 {
		t.Errorf("a table took %d writes, and error %v", w, err)
	}
}
