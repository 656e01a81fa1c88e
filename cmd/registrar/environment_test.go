package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// TestGlobalsReachTheLibrary shows what becomes of the global flags, from the
// command line and from the environment.
func TestGlobalsReachTheLibrary(t *testing.T) {
	t.Parallel()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("s3cret with spaces \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{
		"--endpoints", "http://127.0.0.1:1,http://127.0.0.1:2", "--prefix", "/shop", "--namespace", "prod",
		"--user", "root", "--password-file", password,
	}
	env := map[string]string{
		"REGISTRAR_ENDPOINTS": "http://127.0.0.1:1,http://127.0.0.1:2", "REGISTRAR_PREFIX": "/shop", "REGISTRAR_NAMESPACE": "prod",
		"REGISTRAR_USER": "root", "REGISTRAR_PASSWORD_FILE": password,
	}
	other := map[string]string{
		"REGISTRAR_ENDPOINTS": "http://127.0.0.1:3", "REGISTRAR_PREFIX": "/other", "REGISTRAR_NAMESPACE": "other",
		"REGISTRAR_USER": "other", "REGISTRAR_PASSWORD_FILE": "none",
	}
	for name, c := range map[string]struct {
		env   map[string]string
		flags []string
	}{
		"flags":         {nil, flags},
		"environment":   {env, nil},
		"the flags win": {other, flags},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &fakeRegistry{}
			b := newBench(r.open)
			b.env = c.env
			args := append([]string{"register", "orders", "--address", "10.0.0.7", "--port", "80", "--once", "--lease", "1m"}, c.flags...)
			if code, _, stderr := b.run(t, args...); code != exitOK {
				t.Fatalf("exit code %d, stderr %s", code, stderr)
			}
			o := r.opts
			if !slices.Equal(o.Endpoints, []string{"http://127.0.0.1:1", "http://127.0.0.1:2"}) || o.Prefix != "/shop" || o.Namespace != "prod" ||
				o.Username != "root" || o.Password != "s3cret with spaces " || o.LeaseTTL != time.Minute {
				t.Errorf("the library got %+v", o)
			}
			if s := r.services[0]; s.Namespace != "prod" {
				t.Errorf("the service is in namespace %q, want prod", s.Namespace)
			}
		})
	}
}

func TestInstanceFlags(t *testing.T) {
	t.Parallel()
	r := &fakeRegistry{}
	code, _, stderr := newBench(r.open).run(t, "register", "prod/orders", "--once",
		"--id", "a", "--address", "10.0.0.7", "--address", "2001:db8::7", "--port", "http:8080", "--port", "dns:53/udp",
		"--weight", "5", "--priority", "1", "--ttl", "30", "--locality", "az1", "--tag", "canary", "--tag", "blue",
		"--meta", "version=1.2.3", "--meta", "query=a=b")
	if code != exitOK {
		t.Fatalf("exit code %d, stderr %s", code, stderr)
	}
	var out syncBuffer
	if err := writeService(&out, formatJSONL, r.services[0]); err != nil {
		t.Fatal(err)
	}
	const want = `{"namespace":"prod","name":"orders","revision":0,"stale":false,"instances":[{"id":"a","addresses":["10.0.0.7","2001:db8::7"],` +
		`"ports":[{"name":"http","port":8080,"protocol":"tcp"},{"name":"dns","port":53,"protocol":"udp"}],"weight":5,"priority":1,"ttl":30,` +
		`"locality":"az1","tags":["canary","blue"],"metadata":{"query":"a=b","version":"1.2.3"},"status":"up"}]}` + "\n"
	if out.String() != want {
		t.Errorf("registered %s\nwant       %s", out.String(), want)
	}
}

func TestSourceAddressIsTheDefault(t *testing.T) {
	t.Parallel()
	r := &fakeRegistry{}
	code, _, stderr := newBench(r.open).run(t, "register", "orders", "--once", "--port", "80", "--endpoints", "http://127.0.0.1:2379")
	const note = "registrar: the source address towards http://127.0.0.1:2379 is 127.0.0.1, which only this machine can reach: use --address to register another one\n"
	if code != exitOK || stderr[:min(len(note), len(stderr))] != note {
		t.Errorf("exit code %d, stderr %q; want the note %q first", code, stderr, note)
	}
	if in := r.services[0].Instances[0]; in.ID != "127-0-0-1-80" || len(in.Addresses) != 1 {
		t.Errorf("registered %+v, want the one address 127.0.0.1", in)
	}
}

var _ registrar.Registry = (*fakeRegistry)(nil)
