package httpbalance_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/httpbalance"
)

// TestBrokenConnection checks that a request which finds the connection of an earlier one
// broken, and can't have a new one, goes elsewhere, whatever its method: nobody has seen it.
func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n network
		r := newRegistry(t)
		n.serve(t, "10.0.0.1:80", answer(http.StatusOK, "a"))
		r.set("a", "10.0.0.1:80")
		n.serve(t, "10.0.0.2:80", answer(http.StatusOK, "b"))
		r.set("b", "10.0.0.2:80", standby)
		c := r.client(httpbalance.WithTransport(n.transport()))
		if text := get(t, c, "http://orders.roster/"); text != "a" {
			t.Errorf("got %q", text)
		}
		n.stop("10.0.0.1:80")
		if status, text, err := do(t.Context(), c, http.MethodPost, "http://orders.roster/", strings.NewReader("x")); status != http.StatusOK || text != "b" {
			t.Errorf("%d, %q, %v", status, text, err)
		}
	})
}

// TestCancelWhileConnecting checks that a program which gives a request up is not the
// instance's fault.
func TestCancelWhileConnecting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n network
		r := newRegistry(t)
		r.set("a", "10.0.0.1:80") // where nobody answers
		n.serve(t, "10.0.0.2:80", answer(http.StatusOK, "b"))
		r.set("b", "10.0.0.2:80", standby)
		c := r.client(httpbalance.WithTransport(n.transport()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := do(ctx, c, http.MethodGet, "http://orders.roster/", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		n.serve(t, "10.0.0.1:80", answer(http.StatusOK, "a"))
		if text := get(t, c, "http://orders.roster/"); text != "a" {
			t.Errorf("got %q: the instance is avoided", text)
		}
	})
}

// TestInvalidRequest checks that a request which can't be sent is not the instance's
// fault, and is not tried again.
func TestInvalidRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n network
		r := newRegistry(t)
		for _, id := range []string{"1", "2"} {
			n.serve(t, "10.0.0."+id+":80", answer(http.StatusOK, id))
			r.set(id, "10.0.0."+id+":80")
		}
		var asked atomic.Int32
		finder := finderFunc(func(ctx context.Context, name string) (*registrar.Service, error) {
			asked.Add(1)
			return r.GetService(ctx, name)
		})
		c := httpbalance.NewClient(finder, httpbalance.WithTransport(n.transport()))
		defer c.CloseIdleConnections()
		for range 10 {
			get(t, c, "http://orders.roster/")
		}
		asked.Store(0)
		if _, _, err := do(t.Context(), c, http.MethodGet, "http://orders.roster/", nil, "X: a\nb"); err == nil {
			t.Fatal("a request with an invalid header is sent")
		}
		if picks := asked.Load(); picks != 1 {
			t.Errorf("%d instances are picked for it, want 1", picks)
		}
		seen := map[string]bool{}
		for range 40 {
			seen[get(t, c, "http://orders.roster/")] = true
		}
		if len(seen) != 2 {
			t.Errorf("only %v are used after it", seen)
		}
	})
}
