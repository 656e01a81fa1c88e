package consul_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/consul"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRead(t *testing.T) {
	t.Parallel()
	for file, c := range map[string]struct {
		services string
		notes    []string
		leftOut  int
	}{
		"catalog.json": {
			`[{"namespace":"default","name":"cart","revision":0,"stale":false,"instances":[` +
				`{"id":"10-1-0-1-8080","addresses":["10.1.0.1","2001:db8:1::1"],"ports":[{"port":8080,"protocol":"tcp"}],"weight":10,"priority":0,"locality":"berlin","tags":["canary"],"metadata":{"version":"1.2"},"status":"up","static":true},` +
				`{"id":"10-1-0-20-8080","addresses":["10.1.0.20","2001:db8:1::20"],"ports":[{"port":8080,"protocol":"tcp"}],"weight":1,"priority":0,"locality":"berlin","status":"up","static":true}]},` +
				`{"namespace":"default","name":"db","revision":0,"stale":false,"instances":[{"id":"STABLE","host":"db.example.com","ports":[{"port":5432,"protocol":"tcp"}],"weight":1,"priority":0,"status":"up","static":true}]},` +
				`{"namespace":"team-a","name":"odd","revision":0,"stale":false,"instances":[{"id":"y","addresses":["10.1.0.2"],"weight":1,"priority":0,"status":"up","static":true}]}]`,
			[]string{
				`:2: service "Cart", ID "cart", node "shop-1": the service is imported as "cart"`,
				`: tagged address "wan" (198.51.100.1) left out`,
				`: tagged address "wan_ipv4" (198.51.100.1) left out`,
				`: tag "v1.2" left out: tags are DNS labels`,
				`: tag "urlprefix-/cart" left out`,
				`: metadata "no=key" left out: `,
				`: EnableTagOverride left out`,
				`: member "ServiceFlavour" left out`,
				`:11: service "Cart", ID "cart", node "shop-2": the service`,
				`: tagged address "virtual" (240.0.0.1) left out`,
				`: tagged address "wan" (198.51.100.2) left out`,
				`:19: service "cart-sidecar-proxy", ID "cart-sidecar-proxy", node "shop-2": left out: it is a connect-proxy of the service mesh`,
				`:20: service "db", ID "Db_1", node "ext": the ID is not a DNS label: imported as h-`,
				`:21: service "my_service", ID "x", node "shop-2": left out: the service "my_service" is not a DNS label`,
				`:22: service "odd", ID "y", node "shop-2": port 70000 left out`,
				`: the partition "p1" left out`,
				`:23: service "local", ID "z", node "shop-2": left out: it listens on a socket "/run/z.sock"`,
				`: the ID "cart" is not unique in service default/cart: imported as 10-1-0-1-8080`,
				`: the ID "cart" is not unique in service default/cart: imported as 10-1-0-20-8080`,
			},
			3,
		},
		"health.json": {
			`[{"namespace":"default","name":"orders","revision":0,"stale":false,"overrides":{"orders-3":{"status":"draining","reason":"kernel update"}},"instances":[` +
				`{"id":"orders-1","addresses":["10.1.0.11"],"ports":[{"port":9000,"protocol":"tcp"}],"weight":7,"priority":0,"locality":"az1","status":"up","static":true},` +
				`{"id":"orders-2","addresses":["10.1.0.2"],"ports":[{"port":9000,"protocol":"tcp"}],"weight":100,"priority":0,"locality":"dc1","status":"down","static":true},` +
				`{"id":"orders-3","addresses":["10.1.0.3"],"ports":[{"name":"http","port":9000,"protocol":"tcp"},{"name":"metrics","port":9100,"protocol":"tcp"}],"weight":1,"priority":0,"locality":"dc1","status":"up","static":true}]}]`,
			[]string{
				`:2: service "orders", ID "orders-1", node "shop-1": it takes connections of the service mesh itself`,
				`:8: service "orders", ID "orders-2", node "shop-2": the check "service:orders-2" is critical: imported as down`,
				`:13: service "orders", ID "orders-3", node "shop-3": the weight 0 is imported as 1`,
			},
			0,
		},
		"agent.json": {
			`[{"namespace":"default","name":"mail","revision":0,"stale":false,"instances":[{"id":"mail-1","addresses":["192.0.2.25"],"ports":[{"port":25,"protocol":"tcp"}],"weight":1,"priority":0,"locality":"dc1","status":"up","static":true}]}]`,
			[]string{`:1: service "web", ID "web": left out: it has no address but that of its agent: use the answer of /v1/health/service/web`},
			1,
		},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			r, err := consul.Read(file, text, "default")
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(r.Services)
			stable := (&catalog.Instance{Host: "db.example.com", Ports: []catalog.Port{{Port: 5432}}}).StableID()
			c.services = strings.Replace(c.services, "STABLE", stable, 1)
			if err != nil || string(got) != c.services {
				t.Errorf("got  %s\nwant %s", got, c.services)
			}
			all := strings.Join(r.Notes, "\n")
			for _, note := range c.notes {
				if !strings.Contains(all, note) {
					t.Errorf("no note has %q", note)
				}
			}
			if len(r.Notes) != len(c.notes) || r.LeftOut != c.leftOut {
				t.Errorf("%d notes, want %d; left out %d, want %d:\n%s", len(r.Notes), len(c.notes), r.LeftOut, c.leftOut, all)
			}
		})
	}
}

// TestReadSeveral has the answers for several services in one file.
func TestReadSeveral(t *testing.T) {
	t.Parallel()
	var text []byte
	for _, file := range []string{"health.json", "agent.json"} {
		part, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, part...)
	}
	if r, err := consul.Read("all.json", text, "default"); err != nil || len(r.Services) != 2 {
		t.Errorf("got %+v, error %v", r, err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                       `f: invalid: the file is empty`,
		"[\n7]":                                  `f:2: invalid: not an object of Consul's`,
		"[{\"a\":\n1]":                           `f: invalid JSON on line 2: `,
		`{"consul":[],"a":1}`:                    `f:1: invalid: member "a" is not a service of /v1/agent/services`,
		`{"ServiceName":"a","ServicePort":"80"}`: `f:1: invalid: json: cannot unmarshal string into Go struct field`,
		`{"Node":{},"Service":{"Service":"a","Port":"80"}}`:    `f:1: invalid: json: cannot unmarshal string`,
		`{"ServiceName":"a","ServicePorts":{}}`:                `f:1: invalid: json: `,
		`{"ServiceName":"a","ServiceName":"b","Address":"10"}`: `member "ServiceName" appears twice`,
	} {
		if _, err := consul.Read("f", []byte(text), "default"); !errors.Is(err, catalog.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// FuzzRead checks that what is read can be imported.
func FuzzRead(f *testing.F) {
	for _, file := range []string{"catalog.json", "health.json", "agent.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := consul.Read("f", text, "default")
		if err != nil {
			if !errors.Is(err, catalog.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		if r.LeftOut > len(r.Notes) {
			t.Fatalf("%d are left out, with %d notes", r.LeftOut, len(r.Notes))
		}
		for _, s := range r.Services {
			if _, err := s.Prepare("other"); err != nil {
				t.Fatalf("%+v: %v", s, err)
			}
		}
	})
}
