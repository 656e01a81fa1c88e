package health

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
)

const (
	// maxRedirects bounds how often a check is sent elsewhere on the same server: browsers
	// follow some twenty, and a check has no reason for more than a few.
	maxRedirects = 5
	// maxBody bounds how much of an answer is read: its status is what counts.
	maxBody = 64 << 10
)

// HTTP is a Probe by an HTTP request, on a connection of its own and without proxy. An
// answer with a status of 200 to 299 is a success. Redirects are followed within the same
// server; one to another is a failure, since the other one's answer says nothing of this
// one.
type HTTP struct {
	// URL is http or https.
	URL string
	// Method is GET if it is empty.
	Method string
	// Header is sent; a Host in it replaces that of the URL.
	Header http.Header
	// TLS is for https; nil means the system's certificate authorities.
	TLS *tls.Config
}

// Probe implements Probe.
func (h *HTTP) Probe(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, h.Method, h.URL, nil)
	if err != nil {
		return err
	}
	maps.Copy(req.Header, h.Header)
	if host := h.Header.Get("Host"); host != "" {
		req.Host = host
	}
	// A transport adds to its TLS configuration, and the program can use it for others.
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: h.TLS.Clone(), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: checkRedirect}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)); err != nil {
		return fmt.Errorf("%s %q: reading the answer: %w", req.Method, h.URL, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("%s %q: status %q", req.Method, h.URL, resp.Status)
	}
	return nil
}

// checkRedirect refuses a redirect to another server.
func checkRedirect(req *http.Request, via []*http.Request) error {
	switch first := via[0]; {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case !sameServer(req.URL, first.URL):
		return fmt.Errorf("redirected to another server, %q", req.URL.Scheme+"://"+req.URL.Host)
	}
	return nil
}

func sameServer(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }
