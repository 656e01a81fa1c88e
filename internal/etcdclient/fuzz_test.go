package etcdclient

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// FuzzEndpoint checks that what Check accepts is an address that can be dialled,
// and that what it refuses doesn't reach a terminal raw.
func FuzzEndpoint(f *testing.F) {
	for _, seed := range []string{"", DefaultEndpoint, "https://[::1]:2379/", "http://user:pw@h:1", "HTTPS://h:2379", "http://h:0", "http://\x00:1", "http://h:1#\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, endpoint string) {
		err := (&Config{Endpoints: []string{endpoint}}).Check()
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("control characters in %q", err)
			}
			return
		}
		u, err := url.Parse(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		host, port, err := net.SplitHostPort(u.Host)
		if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 || host == "" || u.User != nil {
			t.Errorf("%q was accepted: host %q, port %q, error %v", endpoint, host, port, err)
		}
		if !strings.HasPrefix(endpoint, "http://") && !strings.HasPrefix(endpoint, "https://") {
			t.Errorf("%q was accepted", endpoint)
		}
	})
}
