package peers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/bench/load"
)

// The server blocks of CoreDNS: all have errors, and no plugin else in front of
// what answers. ready is in no query's way.
const (
	block = load.Zone + `:{{.Port}} {
	bind 127.0.0.1
	errors
	ready 127.0.0.1:{{.Ready}}
`
	whoamiBlock = block + "\twhoami\n}\n"
	fileBlock   = block + "\tfile {{.Zone}}\n}\n"
	etcdBlock   = block + `{{if .Cache}}	cache
{{end}}	etcd {
		path {{.Prefix}}
		endpoint {{.Endpoint}}
	}
}
`
	rosterBlock = block + `	roster {
		endpoint {{.Endpoint}}
		prefix {{.Prefix}}
{{if .Fastpath}}		fastpath
{{end}}{{if .Snapshot}}		snapshot {{.Snapshot}}
{{end}}	}
}
`
)

// Whoami starts CoreDNS with whoami, which answers all questions alike.
func (k Kit) Whoami(ctx context.Context) (*Server, error) {
	return k.coredns(ctx, "whoami", k.Programs.Stock, whoamiBlock, config{})
}

// File starts CoreDNS with a zone file.
func (k Kit) File(ctx context.Context, zone string) (*Server, error) {
	return k.coredns(ctx, "file", k.Programs.Stock, fileBlock, config{Zone: zone})
}

// EtcdPlugin starts CoreDNS with its etcd plugin, perhaps behind a cache, on SkyDNS
// keys below a path.
func (k Kit) EtcdPlugin(ctx context.Context, endpoint, path string, cache bool) (*Server, error) {
	name := "etcd-plugin"
	if cache {
		name += "-cache"
	}
	return k.coredns(ctx, name, k.Programs.Stock, etcdBlock, config{Endpoint: endpoint, Prefix: path, Cache: cache})
}

func (k Kit) coredns(ctx context.Context, name, program, text string, c config) (*Server, error) {
	s, c, err := k.start(name, text, c, program, "-conf")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return s, s.WaitFor(ctx, askPause, ready(s, c.Ready))
}

// Roster says what to start.
type Roster struct {
	Endpoint, Prefix string
	// Fastpath turns the fast path on.
	Fastpath bool
	// Snapshot is the path of the snapshot; empty for none.
	Snapshot string
}

// listTime bounds the first list of a registry of any size.
const listTime = 5 * time.Minute

// Roster starts Roster, and returns how long it took from the start of the process until
// it was ready. The error is ErrNotBuilt if it doesn't know the property fastpath.
func (k Kit) Roster(ctx context.Context, r Roster) (*Server, time.Duration, error) {
	s, ready, err := k.LaunchRoster(r)
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	if err := s.WaitFor(ctx, askPause, ready); err != nil {
		if strings.Contains(err.Error(), `unknown property "fastpath"`) {
			return nil, 0, ErrNotBuilt
		}
		return nil, 0, err
	}
	return s, time.Since(s.Started()), nil
}

// LaunchRoster starts Roster without waiting. The condition says whether it is ready.
func (k Kit) LaunchRoster(r Roster) (*Server, func(context.Context) error, error) {
	name := "roster"
	if r.Fastpath {
		name += "-fastpath"
	}
	s, c, err := k.start(name, rosterBlock, config{Endpoint: r.Endpoint, Prefix: r.Prefix, Fastpath: r.Fastpath, Snapshot: r.Snapshot}, k.Programs.Roster, "-conf")
	if err != nil {
		return nil, nil, err
	}
	return s, ready(s, c.Ready), nil
}

// ready is a condition: CoreDNS's plugin ready says so, and the server answers. The
// plugin can be first.
func ready(s *Server, port int) func(context.Context) error {
	url := fmt.Sprintf("http://127.0.0.1:%d/ready", port)
	return func(ctx context.Context) error {
		code, body, err := get(ctx, url)
		if err != nil {
			return err
		}
		if code != http.StatusOK {
			return fmt.Errorf("%s: status %d: %s", url, code, body)
		}
		_, err = s.Ask(ctx, Question{Name: load.Zone, Type: dns.TypeSOA})
		return err
	}
}

// httpClient leaves no connections behind.
var httpClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: startTime}

func get(ctx context.Context, url string) (code int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}
