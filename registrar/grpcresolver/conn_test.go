package grpcresolver_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/resolver"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/grpcresolver"
)

// conn records what a resolver tells, as the IDs of endpoints or "error".
type conn struct {
	resolver.ClientConn

	mu     sync.Mutex
	told   []string
	states []resolver.State
	errs   []error
}

func (c *conn) UpdateState(s resolver.State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for _, e := range s.Endpoints {
		ids = append(ids, grpcresolver.Instance(e).ID)
	}
	c.told = append(c.told, strings.Join(ids, ","))
	c.states = append(c.states, s)
	return errors.New("what a balancer says is no reason to repeat")
}

func (c *conn) ReportError(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, "error")
	c.errs = append(c.errs, err)
}

// want waits until nothing goes on, and checks what was told since the last call.
func (c *conn) want(t *testing.T, when string, want ...string) {
	t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.told, want) {
		t.Errorf("%s: told %q, want %q", when, c.told, want)
	}
	c.told = nil
}

// wantError checks the last error.
func (c *conn) wantError(t *testing.T, want error) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.errs) == 0 || !errors.Is(c.errs[len(c.errs)-1], want) {
		t.Errorf("errors %v, want %v last", c.errs, want)
	}
}

// resolve builds a resolver, which is closed at the end of the test.
func resolve(t *testing.T, client registrar.Watcher, target string) (*conn, resolver.Resolver) {
	t.Helper()
	return build(t, grpcresolver.New(client), target)
}

func build(t *testing.T, builder resolver.Builder, target string) (*conn, resolver.Resolver) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	c := &conn{}
	r, err := builder.Build(resolver.Target{URL: *u}, c, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return c, r
}
