package httpbalance

import (
	"io"
	"net/http"
)

// idempotent reports whether carrying out a request twice is the same as once, as it says
// itself. net/http takes these headers for the same.
func idempotent(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	for _, key := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if _, ok := req.Header[key]; ok {
			return true
		}
	}
	return false
}

// bodyAgain returns the body of a request once more; false if that can't be had.
func bodyAgain(req *http.Request) (io.ReadCloser, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req.Body, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	return body, err == nil
}

func closeBody(body io.Closer) {
	if body != nil {
		_ = body.Close()
	}
}
