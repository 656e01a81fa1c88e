package httpbalance

import (
	"io"
	"net/http"
	"sync"
)

// body is the body of a response, at the end of which the request is over.
type body struct {
	io.ReadCloser
	end func()
}

// newBody returns a body that calls end, once, when it is closed; at once if it is empty.
func newBody(of io.ReadCloser, end func()) io.ReadCloser {
	if of == http.NoBody {
		end()
		return of
	}
	b := &body{of, sync.OnceFunc(end)}
	if w, ok := of.(io.Writer); ok {
		return &upgradedBody{b, w}
	}
	return b
}

// Close implements io.Closer.
func (b *body) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// upgradedBody is the body of a response with status 101: a connection, that can be
// written to.
type upgradedBody struct {
	*body
	io.Writer
}
