package skydns_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/skydns"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var options = skydns.Options{Zone: skydns.DefaultZone, Namespace: "default"}

func TestRead(t *testing.T) {
	t.Parallel()
	const want = `[{"namespace":"default","name":"cart","revision":0,"stale":false,"instances":[` +
		`{"id":"a","addresses":["10.2.0.1"],"ports":[{"port":8080,"protocol":"tcp"}],"weight":20,"priority":5,"ttl":30,"tags":["g1"],"metadata":{"version":"1.2"},"status":"up","static":true},` +
		`{"id":"b","addresses":["2001:db8:2::2"],"ports":[{"port":8080,"protocol":"tcp"}],"weight":100,"priority":10,"status":"up","static":true}]},` +
		`{"namespace":"default","name":"www","revision":0,"stale":false,"instances":[{"id":"h-","host":"cart.skydns.local","weight":100,"priority":10,"status":"up","static":true}]},` +
		`{"namespace":"prod","name":"db","revision":0,"stale":false,"instances":[{"id":"primary","host":"db1.example.com","ports":[{"port":5432,"protocol":"tcp"}],"weight":100,"priority":10,"metadata":{"text":"the first one"},"status":"up","static":true}]}]`
	notes := []string{
		`"/skydns/local/skydns/cart/a": group "G1" becomes a tag`,
		`"/skydns/local/skydns/cart/b": targetstrip left out`,
		`"/skydns/local/skydns/prod/db/primary": member "flavour" left out`,
		`"/skydns/local/skydns/prod/db/primary": the text becomes metadata "text"`,
		`"/skydns/local/skydns/www": its host "cart.skydns.local" is a name of SkyDNS`,
		`"/skydns/local/skydns/mail/m": left out: it is for mail`,
		`"/skydns/local/skydns/txt/t": left out: it has no host`,
		`"/skydns/local/skydns/a/b/c/d": left out: it has 4 labels below the zone`,
		`"/skydns/local/skydns/bad/json": left out: the value is not a record: `,
		`"/skydns/local/skydns/bad/port": left out: port 70000 is not 0 to 65535`,
		`"/skydns/local/skydns/bad/under_score": left out: id "under_score" is not a DNS label`,
		`"/skydns/local/skydns/dns/ns/a": left out: namespace "dns" is reserved`,
		`"/skydns/arpa/in-addr/10/2/0/1": left out: it is not in zone "skydns.local"`,
	}
	for _, file := range []string{"keys.txt", "keys.json"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			r, err := skydns.Read(file, text, options)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(r.Services)
			if stable := (&catalog.Instance{Host: "cart.skydns.local"}).StableID(); err != nil || strings.Replace(string(got), stable, "h-", 1) != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			notes := notes
			if file == "keys.json" {
				notes = append([]string{`"/skydns/local/skydns/cart/b": it is under a lease`}, notes...)
			}
			all := strings.Join(r.Notes, "\n")
			for _, note := range notes {
				if !strings.Contains(all, note) {
					t.Errorf("no note has %q", note)
				}
			}
			if len(r.Notes) != len(notes) || r.LeftOut != 8 {
				t.Errorf("%d notes, want %d; left out %d, want 8:\n%s", len(r.Notes), len(notes), r.LeftOut, all)
			}
			if file == "keys.txt" && !strings.Contains(all, `keys.txt:19: "/skydns/local/skydns/bad/port"`) {
				t.Errorf("no note says the line:\n%s", all)
			}
		})
	}
}

// TestPriority shows that a record without a priority stays behind one with a better one,
// as with CoreDNS's plugin, which takes 10 for none.
func TestPriority(t *testing.T) {
	t.Parallel()
	r, err := skydns.Read("f", []byte("/skydns/local/skydns/a/x\n{\"host\":\"10.0.0.1\"}\n/skydns/local/skydns/a/y\n{\"host\":\"10.0.0.2\",\"priority\":9}\n"), options)
	if err != nil || r.Services[0].Instances[0].Priority <= r.Services[0].Instances[1].Priority {
		t.Errorf("got %+v, error %v", r, err)
	}
}

func TestZones(t *testing.T) {
	t.Parallel()
	r, err := skydns.Read("f", []byte("/dns/com/Example/a/x\n{\"host\":\"10.0.0.1\"}\n"), skydns.Options{Zone: "example.COM.", Namespace: "prod"})
	if err != nil || len(r.Services) != 1 || r.Services[0].FullName().String() != "prod/a" {
		t.Errorf("got %+v, error %v", r, err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "f: invalid: not the output of",
		"[]":                     "f: invalid: not the output of",
		"{\"kvs\":[7]}":          "f: invalid JSON of etcdctl: ",
		`{"kvs":[{"key":"!"}]}`:  "f: invalid JSON of etcdctl: illegal base64",
		`{"kvs":[],"more":true}`: "f: invalid: there are more keys",
	} {
		if _, err := skydns.Read("f", []byte(text), options); !errors.Is(err, catalog.ErrInvalid) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// FuzzRead checks that what is read can be imported.
func FuzzRead(f *testing.F) {
	for _, file := range []string{"keys.txt", "keys.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("/"))
	f.Add([]byte("/skydns\n{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := skydns.Read("f", text, options)
		if err != nil {
			if !errors.Is(err, catalog.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		for _, s := range r.Services {
			if _, err := s.Prepare("other"); err != nil {
				t.Fatalf("%+v: %v", s, err)
			}
		}
	})
}
