package etcdserver

import (
	"net/url"
	"testing"

	"github.com/coredns/caddy"
)

// FuzzParse feeds blocks of etcdserver: whatever is accepted is a configuration that etcd takes, and no address beyond
// loopback goes without TLS.
func FuzzParse(f *testing.F) {
	f.Add("name n1\nlisten_client http://127.0.0.1:2379")
	f.Fuzz(func(t *testing.T, block string) {
		c := caddy.NewTestController("dns", "etcdserver data {\n"+block+"\n}")
		c.Next()
		cfg, err := parse(c)
		if err != nil {
			return
		}
		ec, err := cfg.Embed()
		if err != nil {
			t.Fatalf("accepted, but: %v", err)
		}
		for _, u := range append(ec.ListenClientUrls, ec.ListenPeerUrls...) {
			if u.Scheme != "https" && !isLoopback(u.Hostname()) {
				t.Errorf("%s is served in clear", &u)
			}
			if parsed, err := url.Parse(u.String()); err != nil || *parsed != u {
				t.Errorf("%s reads back as %v, %v", &u, parsed, err)
			}
		}
	})
}
