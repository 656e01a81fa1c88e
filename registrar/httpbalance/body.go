package httpbalance

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// body is the body of a response. A program that reads it to its end may forget to close
// it, which net/http forgives: so the result of a request is reported at the end already.
type body struct {
	io.ReadCloser
	done   func(failed error) // called once, when nothing more is to come
	closed func()             // called once
}

// newBody returns a body that calls done when it has been read or is closed, with the error
// if it breaks off, and then closed when it is closed; both at once if it is empty.
func newBody(of io.ReadCloser, done func(failed error), closed func()) io.ReadCloser {
	if of == http.NoBody {
		done(nil)
		closed()
		return of
	}
	var once sync.Once
	b := &body{of, func(failed error) { once.Do(func() { done(failed) }) }, sync.OnceFunc(closed)}
	if w, ok := of.(io.Writer); ok {
		return &upgradedBody{b, w}
	}
	return b
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.done(nil)
	case err != nil:
		b.done(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	defer b.closed()
	defer b.done(nil)
	return b.ReadCloser.Close()
}

// upgradedBody is the body of a response with status 101: a connection, that can be
// written to.
type upgradedBody struct {
	*body
	io.Writer
}
