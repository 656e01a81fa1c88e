package dns

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
)

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opt  registrar.Option
		says string
	}{
		"etcd's endpoint": {registrar.WithEndpoints("http://127.0.0.1:2379"), "is a URL"},
		"no endpoint":     {registrar.WithEndpoints("10.0.0.53", ""), "empty"},
		"port 0":          {registrar.WithEndpoints("10.0.0.53:0"), "from 1 to 65535"},
		"a large port":    {registrar.WithEndpoints("10.0.0.53:65536"), "from 1 to 65535"},
		"no host":         {registrar.WithEndpoints(":53"), "HOST:PORT"},
		"colons":          {registrar.WithEndpoints("a:b:c"), "HOST:PORT"},
		"zone":            {WithZone("svc..internal"), `"svc..internal"`},
		"the root":        {WithZone("."), "zone"},
		"TLS":             {registrar.WithTLS(&tls.Config{MinVersion: tls.VersionTLS13}), "TLS"},
		"TLS from files":  {registrar.WithTLSFiles("", "", "ca.pem"), "TLS"},
		"a user":          {registrar.WithCredentials("u", "secret"), "no users"},
		"a file":          {registrar.WithCredentialsFile("/secret"), "no users"},
		"a snapshot":      {registrar.WithSnapshot("/tmp/x"), "snapshot"},
		"namespace":       {registrar.WithNamespace("Shop"), "namespace"},
	} {
		c, err := registrar.Open(t.Context(), Name, quiet, tt.opt)
		if !errors.Is(err, registrar.ErrInvalid) || c != nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want ErrInvalid with %q", name, err, tt.says)
		}
	}
}

func TestParseServer(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"10.0.0.53": "10.0.0.53:53", "10.0.0.53:5353": "10.0.0.53:5353", "2001:db8::53": "[2001:db8::53]:53", "[2001:db8::53]": "[2001:db8::53]:53",
		"[2001:db8::53]:5353": "[2001:db8::53]:5353", "fe80::1%eth0": "[fe80::1%eth0]:53", "ns.example.com": "ns.example.com:53", "ns:5353": "ns:5353",
	} {
		if got, err := parseServer(endpoint); got != want || err != nil {
			t.Errorf("%q is %q, %v, want %q", endpoint, got, err, want)
		}
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, "orders.default.example.com. SRV 0 100 80 a.orders.default.example.com.", "a.orders.default.example.com. A 10.0.0.1")
	s, err := open(t, n, WithZone("Example.COM")).GetService(t.Context(), "orders")
	if got := shownAll(s); !slices.Equal(got, []string{"a 10.0.0.1 :80/tcp 0/100"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestSystemServers: those of the system are read again when they can have changed.
func TestSystemServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "resolv.conf")
		write := func(text string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := &servers{path: path}
		list := func(want ...string) {
			t.Helper()
			if got := s.list(); !slices.Equal(got, want) {
				t.Errorf("the servers are %q, want %q", got, want)
			}
		}
		list("127.0.0.1:53")
		time.Sleep(reread)
		write("search example.com\nnameserver 10.0.0.53\nnameserver 2001:db8::53\noptions timeout:1\n")
		list("10.0.0.53:53", "[2001:db8::53]:53")
		write("nameserver 10.0.0.54\n")
		list("10.0.0.53:53", "[2001:db8::53]:53")
		time.Sleep(reread)
		list("10.0.0.54:53")
		time.Sleep(reread)
		write("# none\n")
		list("127.0.0.1:53")
	})
}
