package httpbalance_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rosterdns/roster/registrar/httpbalance"
)

// TestLeave checks that a request in flight ends well when its instance leaves, that its
// connection is closed then, and those that are idle before.
func TestLeave(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			in, out := make(chan struct{}), make(chan struct{})
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.URL.Path == "/wait" {
					in <- struct{}{}
					<-out
				}
				_, _ = io.WriteString(w, "leaving")
			}))
			protocols := new(http.Protocols)
			protocols.SetHTTP1(!http2)
			protocols.SetUnencryptedHTTP2(http2)
			s.Config.Protocols = protocols
			conns := countConnections(s)
			s.Start()
			defer s.Close()
			r.set("a", s.Listener.Addr().String())
			c := r.client(httpbalance.WithTransport(&http.Transport{Protocols: protocols}))
			text := make(chan string)
			ask := func() {
				_, got, _ := do(t.Context(), c, http.MethodPost, "http://orders.roster/wait", nil)
				text <- got
			}
			go ask()
			<-in
			get(t, c, "http://orders.roster/") // leaves an idle connection with HTTP/1.1

			r.set("a", s.Listener.Addr().String(), draining)
			other := httptest.NewUnstartedServer(answer(http.StatusOK, "other"))
			other.Config.Protocols = protocols
			other.Start()
			defer other.Close()
			r.set("b", other.Listener.Addr().String())
			if got := get(t, c, "http://orders.roster/"); got != "other" {
				t.Errorf("the draining instance answers a new request: %q", got)
			}
			conns.wait(1)
			out <- struct{}{}
			if got := <-text; got != "leaving" {
				t.Errorf("the request in flight got %q", got)
			}
			conns.wait(0)
		})
	}
}
