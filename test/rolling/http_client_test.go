package rolling_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"
)

// newTransport returns a transport whose connections know when they are closed.
func newTransport() *http.Transport {
	var d net.Dialer
	return &http.Transport{
		MaxIdleConnsPerHost: maxInFlight,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &conn{Conn: c}, nil
		},
	}
}

// byHTTP sends GET and POST in turn.
func byHTTP(t *testing.T, transport http.RoundTripper, url string) client {
	t.Helper()
	c := &http.Client{Transport: transport}
	t.Cleanup(c.CloseIdleConnections)
	return func(n int) (id string, f failure) {
		method, body := http.MethodGet, io.Reader(nil)
		if n%2 == 1 {
			method, body = http.MethodPost, strings.NewReader("order")
		}
		f.began, f.again = time.Now(), method == http.MethodGet
		ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) {
				f.addr, f.open = info.Conn.RemoteAddr().String(), info.Conn.(*conn).openAt(f.began)
			},
		})
		id, f.err = fetch(ctx, c, method, url, body)
		return id, f
	}
}

// fetch returns what a server answers.
func fetch(ctx context.Context, c *http.Client, method, url string, body io.Reader) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", resp.Status)
	}
	return string(text), err
}
