package httpbalance_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/rosterdns/roster/registrar/httpbalance"
)

// share sends 40 requests, and returns how many an instance answers whose text is a.
func share(t *testing.T, c *http.Client) (a int) {
	t.Helper()
	for range 40 {
		if get(t, c, "http://orders.roster/") == "a" {
			a++
		}
	}
	return a
}

// TestBodyThatIsNotClosed checks that a response that was read to its end is over, so that
// its instance doesn't look as if it were loaded.
func TestBodyThatIsNotClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n network
		r := newRegistry(t)
		n.serve(t, "10.0.0.1:80", answer(http.StatusOK, "a"))
		n.serve(t, "10.0.0.2:80", answer(http.StatusOK, "b"))
		r.set("a", "10.0.0.1:80")
		c := r.client(httpbalance.WithTransport(n.transport()))
		for range 10 {
			response, err := c.Get("http://orders.roster/") //nolint:noctx,bodyclose // what is forgotten is the test
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(response.Body); string(text) != "a" || err != nil {
				t.Fatalf("read %q, %v", text, err)
			}
		}
		r.set("b", "10.0.0.2:80")
		if share(t, c) == 0 {
			t.Error("an instance gets no request for bodies that nobody closed")
		}
	})
}

// TestBodyThatBreaksOff checks that an instance whose responses break off counts as slow,
// also if their header was fine, and that one that the program gave up doesn't.
func TestBodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	for _, breaks := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var n network
			r := newRegistry(t)
			first := true
			n.serve(t, "10.0.0.1:80", func(w http.ResponseWriter, req *http.Request) {
				if first {
					first = false
					_ = http.NewResponseController(w).Flush()
					if breaks {
						panic(http.ErrAbortHandler)
					}
					<-req.Context().Done()
				}
				_, _ = io.WriteString(w, "a")
			})
			n.serve(t, "10.0.0.2:80", answer(http.StatusOK, "b"))
			r.set("a", "10.0.0.1:80")
			c := r.client(httpbalance.WithTransport(n.transport()))
			response, err := c.Get("http://orders.roster/") //nolint:noctx // closed below
			if err != nil {
				t.Fatal(err)
			}
			if breaks {
				if _, err := io.ReadAll(response.Body); err == nil {
					t.Fatal("the body is whole")
				}
			}
			_ = response.Body.Close()
			r.set("b", "10.0.0.2:80")
			_ = share(t, c) // both are known then
			if a := share(t, c); (a == 0) != breaks {
				t.Errorf("breaks off %v: %d of 40 requests go to it", breaks, a)
			}
		})
	}
}
