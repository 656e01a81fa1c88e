package etcdserver

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns/caddy"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

func mustURL(t *testing.T, s string) url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return *u
}

func TestParse(t *testing.T) {
	t.Parallel()
	pki := newPKI(t)
	files := pki.files()
	tls := pki.cert + " " + pki.key + " " + pki.ca
	defaults := member.Config{
		DataDir:      "data",
		Name:         "roster",
		ListenClient: mustURL(t, "http://127.0.0.1:2379"),
	}
	with := func(change func(*member.Config)) member.Config {
		cfg := defaults
		change(&cfg)
		return cfg
	}
	for name, test := range map[string]struct {
		input string
		want  member.Config
	}{
		"defaults":     {`etcdserver data`, defaults},
		"empty block":  {"etcdserver data {\n}", defaults},
		"quoted":       {`etcdserver "da ta"`, with(func(c *member.Config) { c.DataDir = "da ta" })},
		"absolute":     {`etcdserver /var/lib/roster`, with(func(c *member.Config) { c.DataDir = "/var/lib/roster" })},
		"name":         {"etcdserver data {\n name n1\n}", with(func(c *member.Config) { c.Name = "n1" })},
		"IPv6":         {"etcdserver data {\n listen_client http://[::1]:1\n}", with(func(c *member.Config) { c.ListenClient = mustURL(t, "http://[::1]:1") })},
		"127/8":        {"etcdserver data {\n listen_client http://127.9.9.9:1/\n}", with(func(c *member.Config) { c.ListenClient = mustURL(t, "http://127.9.9.9:1") })},
		"localhost":    {"etcdserver data {\n listen_peer http://localhost:65535\n}", with(func(c *member.Config) { c.ListenPeer = mustURL(t, "http://localhost:65535") })},
		"mapped":       {"etcdserver data {\n listen_peer http://[::ffff:127.0.0.1]:1\n}", with(func(c *member.Config) { c.ListenPeer = mustURL(t, "http://[::ffff:127.0.0.1]:1") })},
		"TLS":          {"etcdserver data {\n listen_client https://0.0.0.0:2379\n tls " + tls + "\n}", with(func(c *member.Config) { c.ListenClient, c.ClientTLS = mustURL(t, "https://0.0.0.0:2379"), files })},
		"TLS loopback": {"etcdserver data {\n tls " + tls + "\n listen_client https://[::1]:2379\n}", with(func(c *member.Config) { c.ListenClient, c.ClientTLS = mustURL(t, "https://[::1]:2379"), files })},
		"cluster": {
			"etcdserver data {\n name a\n listen_peer https://10.0.0.1:2380\n peer_tls " + tls + "\n initial_cluster a=https://10.0.0.1:2380,b=https://b.example.com:2380\n}",
			with(func(c *member.Config) {
				c.Name, c.ListenPeer, c.PeerTLS = "a", mustURL(t, "https://10.0.0.1:2380"), files
				c.InitialCluster = "a=https://10.0.0.1:2380,b=https://b.example.com:2380"
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := caddy.NewTestController("dns", test.input)
			c.Next()
			got, err := parse(c)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	pki := newPKI(t)
	tls := pki.cert + " " + pki.key + " " + pki.ca
	missing := filepath.Join(t.TempDir(), "missing.pem")
	noPEM := filepath.Join(t.TempDir(), "no.pem")
	if err := os.WriteFile(noPEM, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	block := func(lines ...string) string {
		return "etcdserver data {\n" + strings.Join(lines, "\n") + "\n}"
	}
	for name, test := range map[string]struct {
		input string
		want  string // after "Testfile:LINE - Error during parsing: "
		line  string
	}{
		"no folder":              {`etcdserver`, "etcdserver takes one argument, the data folder; found 0", "1"},
		"two folders":            {`etcdserver a b`, "etcdserver takes one argument, the data folder; found 2", "1"},
		"twice":                  {"etcdserver a\netcdserver b", "etcdserver is already at line 1: a process runs one etcd", "2"},
		"unknown property":       {block("", "listen http://127.0.0.1:1"), `unknown property "listen"; etcdserver has name, listen_client,`, "3"},
		"property twice":         {block("name a", "name b"), "name is already at line 2", "3"},
		"no name":                {block("name"), "name takes one argument, NAME; found 0", "2"},
		"two names":              {block("name a b"), "name takes one argument, NAME; found 2", "2"},
		"name with =":            {block("name a=b"), `name: "a=b": must not contain '=' or ','`, "2"},
		"no URL":                 {block("listen_client"), "listen_client takes one argument, URL; found 0", "2"},
		"two URLs":               {block("listen_client http://127.0.0.1:1 http://127.0.0.1:2"), "listen_client takes one argument, URL; found 2", "2"},
		"not a URL":              {block("listen_client http://127.0.0.1:%"), "listen_client http://127.0.0.1:%: not a URL:", "2"},
		"host and port only":     {block("listen_client 127.0.0.1:2379"), "listen_client 127.0.0.1:2379: not a URL:", "2"},
		"wrong scheme":           {block("listen_client unix:///tmp/etcd"), "the URL must start with http:// or https://", "2"},
		"no port":                {block("listen_client http://127.0.0.1"), "the URL must have a port from 1 to 65535", "2"},
		"port 0":                 {block("listen_peer http://127.0.0.1:0"), "the URL must have a port from 1 to 65535", "2"},
		"port 65536":             {block("listen_peer http://127.0.0.1:65536"), "the URL must have a port from 1 to 65535", "2"},
		"hostname":               {block("listen_client http://etcd.example.com:2379"), `"etcd.example.com" is not an IP address to listen on`, "2"},
		"zone":                   {block("listen_client http://[fe80::1%25eth0]:2379"), "is not an IP address to listen on", "2"},
		"path":                   {block("listen_client http://127.0.0.1:2379/v3"), "the URL must consist of a scheme, an address and a port", "2"},
		"user":                   {block("listen_client http://u:p@127.0.0.1:2379"), "the URL must consist of a scheme, an address and a port", "2"},
		"client in clear":        {block("name a", "listen_client http://10.0.0.1:2379"), "listen_client: http://10.0.0.1:2379 is not a loopback address", "3"},
		"client on all in clear": {block("listen_client http://0.0.0.0:2379"), "use https with the property tls CERT KEY CACERT", "2"},
		"peer in clear":          {block("listen_peer http://10.0.0.1:2380"), "use https with the property peer_tls CERT KEY CACERT", "2"},
		"https without files":    {block("listen_client https://127.0.0.1:2379"), "listen_client: https://127.0.0.1:2379 needs the property tls CERT KEY CACERT", "2"},
		"files without https":    {block("tls " + tls), "listen_client: http://127.0.0.1:2379 is unencrypted although tls is given: use https", "1"},
		"peer files, no https":   {block("peer_tls " + tls), "listen_peer: peer_tls needs listen_peer, whose connections it secures", "1"},
		"peer in clear by TLS":   {block("listen_client https://127.0.0.1:1", "tls "+tls, "listen_peer http://127.0.0.1:2380"), "listen_peer: http://127.0.0.1:2380 is unencrypted, so anybody", "4"},
		"peer in clear, TLS":     {block("listen_peer http://127.0.0.1:2380", "peer_tls "+tls), "listen_peer: http://127.0.0.1:2380 is unencrypted although peer_tls is given: use https", "2"},
		"tls without CA":         {block("tls a b"), "tls takes three arguments, CERT KEY CACERT; found [\"a\" \"b\"]", "2"},
		"tls with empty path":    {block(`tls a b ""`), `tls takes three arguments, CERT KEY CACERT; found ["a" "b" ""]`, "2"},
		"missing certificate":    {block("tls " + missing + " " + pki.key + " " + pki.ca), "no such file or directory", "2"},
		"key of another":         {block("tls " + pki.cert + " " + newPKI(t).key + " " + pki.ca), "private key does not match public key", "2"},
		"missing CA":             {block("tls " + pki.cert + " " + pki.key + " " + missing), "no such file or directory", "2"},
		"CA without PEM":         {block("tls " + pki.cert + " " + pki.key + " " + noPEM), "contains no CA certificate in PEM format", "2"},
		"cluster, no peer URL":   {block("name a", "initial_cluster a=http://127.0.0.1:2380"), "initial_cluster: needs listen_peer", "3"},
		"malformed cluster":      {block("name a", "listen_peer http://127.0.0.1:2380", "initial_cluster a"), `initial_cluster: "a" is not NAME=URL,...`, "4"},
		"cluster without self":   {block("name a", "listen_peer http://127.0.0.1:2380", "initial_cluster b=http://127.0.0.1:2380"), `lacks this member, whose name is "a"`, "4"},
		"cluster in clear":       {block("name a", "listen_peer http://127.0.0.1:2380", "initial_cluster a=http://127.0.0.1:2380,b=http://10.0.0.2:2380"), "initial_cluster: http://10.0.0.2:2380 is not a loopback address", "4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := caddy.NewTestController("dns", test.input)
			c.Next()
			_, err := parse(c)
			if err == nil {
				t.Fatalf("parsed, want an error with %q", test.want)
			}
			if prefix := "Testfile:" + test.line + " - Error during parsing: "; !strings.HasPrefix(err.Error(), prefix) {
				t.Errorf("got %q, want it to start with %q", err, prefix)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want %q in it", err, test.want)
			}
		})
	}
}
