package httpbalance_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar/httpbalance"
)

// TestTryTimeout checks that an instance that takes too long is given up for another.
func TestTryTimeout(t *testing.T) {
	t.Parallel()
	http2 := new(http.Protocols)
	http2.SetUnencryptedHTTP2(true)
	for _, protocols := range []*http.Protocols{nil, http2} {
		synctest.Test(t, func(t *testing.T) { testTryTimeout(t, &network{protocols: protocols}) })
	}
}

func testTryTimeout(t *testing.T, n *network) {
	t.Helper()
	r := newRegistry(t)
	n.serve(t, "10.0.0.1:80", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	r.set("a", "10.0.0.1:80")
	c := r.client(httpbalance.WithTransport(n.transport()), httpbalance.WithTryTimeout(time.Second))
	start := time.Now()
	_, _, err := do(t.Context(), c, http.MethodGet, "http://orders.roster/", nil)
	if timeout := net.Error(nil); !errors.As(err, &timeout) || !timeout.Timeout() || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "10.0.0.1:80") {
		t.Errorf("got %v, want a time-out that names the instance", err)
	}
	n.serve(t, "10.0.0.2:80", answer(http.StatusOK, "b"))
	r.set("b", "10.0.0.2:80", standby)
	if text := get(t, c, "http://orders.roster/"); text != "b" {
		t.Errorf("got %q", text)
	}
	if took := time.Since(start); took != 2*time.Second {
		t.Errorf("two tries took %v, want a second each", took)
	}
}

// TestTryTimeoutEndsWithTheHeader checks that a body can take longer.
func TestTryTimeoutEndsWithTheHeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n network
		r := newRegistry(t)
		n.serve(t, "10.0.0.1:80", func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Minute)
			_, _ = io.WriteString(w, "all")
		})
		r.set("a", "10.0.0.1:80")
		c := r.client(httpbalance.WithTransport(n.transport()), httpbalance.WithTryTimeout(time.Second))
		if text := get(t, c, "http://orders.roster/"); text != "all" {
			t.Errorf("body %q", text)
		}
	})
}

// TestConnectTimeout checks that an instance at an address where nobody answers is given
// up, whatever the method, and then avoided.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n network
		r := newRegistry(t)
		r.set("a", "10.0.0.1:80")
		n.serve(t, "10.0.0.2:80", answer(http.StatusOK, "b"))
		r.set("b", "10.0.0.2:80", standby)
		c := r.client(httpbalance.WithTransport(n.transport()))
		for try, want := range []time.Duration{httpbalance.DefaultConnectTimeout, 0, 0} {
			start := time.Now()
			if status, _, err := do(t.Context(), c, http.MethodPost, "http://orders.roster/", nil); status != http.StatusOK {
				t.Errorf("%d, %v", status, err)
			}
			if took := time.Since(start); took != want {
				t.Errorf("request %d took %v, want %v", try+1, took, want)
			}
		}
	})
}
