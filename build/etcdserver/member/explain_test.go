package member

import (
	"io/fs"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
)

// TestExplain tells a port that etcd may not bind from a file that it may not open.
func TestExplain(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: "/data", ListenClient: url.URL{Scheme: "http", Host: "127.0.0.1:80"}}
	for want, err := range map[string]error{
		`start etcd with data folder "/data": open /data/.touch: permission denied`: &fs.PathError{
			Op: "open", Path: "/data/.touch", Err: syscall.EACCES,
		},
		"listen_client http://127.0.0.1:80: listen tcp: permission denied: choose a port above 1023": &net.OpError{
			Op: "listen", Net: "tcp", Err: syscall.EACCES,
		},
	} {
		if got := explain(cfg, err); !strings.HasPrefix(got.Error(), want) {
			t.Errorf("got %v, want %s", got, want)
		}
	}
}
