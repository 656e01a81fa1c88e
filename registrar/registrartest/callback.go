package registrartest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

// calls is an observer that uses the client whatever it is told.
type calls struct {
	client func() *registrar.Client

	mu    sync.Mutex
	ended map[string]int // calls of each method that came through
}

// call takes each lock of a client that a program can have taken.
func (c *calls) call(method string) {
	c.mu.Lock()
	enough := c.ended[method] > 0
	c.mu.Unlock()
	if enough {
		return // what it does is told it, too
	}
	done, cancel := context.WithCancel(context.Background())
	cancel() // Register takes its locks, and waits for nothing
	client := c.client()
	_ = client.Status()
	_ = client.Register(done, service("calls", "x"))
	_ = client.Unregister(done, service("calls", "x"))
	_, _ = client.List(done, "")
	for _, err := range client.Watch(done, "orders") {
		_ = err
	}
	for _, err := range client.WatchList(done, "") {
		_ = err
	}
	c.mu.Lock()
	c.ended[method]++
	c.mu.Unlock()
}

func (c *calls) Looked(registrar.Lookup)             { c.call("Looked") }
func (c *calls) Requested(registrar.Request)         { c.call("Requested") }
func (c *calls) Registered(registrar.InstanceStatus) { c.call("Registered") }
func (c *calls) Contacted(bool)                      { c.call("Contacted") }

// testObserverCallsBack: no method of an observer is called with a lock held that one of
// the client takes. testObserver has it call GetService.
func testObserverCallsBack(t *testing.T, f *fixture) {
	var client *registrar.Client
	opened := make(chan struct{})
	o := &calls{client: func() *registrar.Client { <-opened; return client }, ended: map[string]int{}}
	client = f.client(t, registrar.WithObserver(o))
	close(opened)
	register(t, client, service("orders", "a"))
	sees(t, client, "orders", "a")
	for _, method := range []string{"Looked", "Requested", "Registered", "Contacted"} {
		eventually(t, func() string {
			o.mu.Lock()
			defer o.mu.Unlock()
			if o.ended[method] == 0 {
				return fmt.Sprintf("the observer doesn't return from the client's methods in %s, or isn't called", method)
			}
			return ""
		})
	}
}
