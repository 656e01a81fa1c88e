package httpbalance

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/registrar/balance"
)

// try is one try of a request, at one instance.
type try struct {
	picked   balance.Picked
	response *http.Response
	err      error
	progress progress
}

// progress is how far a try has come.
type progress int32

const (
	// refused is a request that http.Transport doesn't send anywhere, as it is invalid.
	refused progress = iota
	// connecting is one that has waited for a connection in vain.
	connecting
	// connected is one that can have reached the instance.
	connected
)

// sendTo sends a request to an instance that was picked for it. The response ends with its
// body.
func (c *config) sendTo(picked balance.Picked, req *http.Request) try {
	p := picked.Pool.(*pool)
	p.begin()
	ctx, cancel := context.WithCancelCause(req.Context())
	var at atomic.Int32
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// Both can be called several times: http.Transport itself sends a request again on
		// another connection where it has not been sent, or can be repeated.
		GetConn: func(string) { at.Store(int32(connecting)) },
		GotConn: func(httptrace.GotConnInfo) { at.Store(int32(connected)) },
	})
	inTime := c.startTimeout(cancel, picked.Addr)
	start := time.Now()
	response, err := p.RoundTrip(c.outgoing(ctx, req))
	took := time.Since(start)
	if !inTime() && err == nil {
		closeBody(response.Body)
		response, err = nil, context.Cause(ctx)
	}
	done := func(o balance.Outcome) { picked.Done(balance.Result{Outcome: o, Latency: took}) }
	end := func() { p.end(); cancel(nil) }
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && req.Context().Err() == nil {
			err = cause // "context canceled" says nothing
		}
		reached := progress(at.Load())
		done(outcomeOf(req.Context(), reached))
		end()
		return try{picked, nil, err, reached}
	}
	response.Body = newBody(response.Body, func(failed error) { done(outcomeOfResponse(req.Context(), response, failed)) }, end)
	return try{picked, response, nil, connected}
}

// finish returns what RoundTrip returns if the try was the last one of a request.
func (t try) finish(req *http.Request) (*http.Response, error) {
	if t.response != nil {
		t.response.Request = req
	}
	return t.response, t.err
}

// maxDiscard is how much of a response is read that nobody is to see, so that its
// connection can be used again; net/http reads as much of a redirect.
const maxDiscard = 2 << 10

// discard ends a try whose response nobody is to see.
func (t try) discard() {
	if t.response == nil {
		return
	}
	if t.response.ContentLength <= maxDiscard {
		_, _ = io.CopyN(io.Discard, t.response.Body, maxDiscard)
	}
	closeBody(t.response.Body)
}

// outgoing returns what is sent for a request, which itself must not change.
func (c *config) outgoing(ctx context.Context, req *http.Request) *http.Request {
	out := req.WithContext(ctx)
	if c.host != "" {
		out.Host = c.host
	}
	return out
}

// outcomeOf returns the outcome of a try without a response.
func outcomeOf(ctx context.Context, reached progress) balance.Outcome {
	switch {
	case ctx.Err() != nil || reached == refused:
		return balance.Canceled
	case reached == connecting:
		return balance.Unreachable
	}
	return balance.Failed
}

// outcomeOfResponse returns the outcome of a try with a response, whose body can have broken
// off.
func outcomeOfResponse(ctx context.Context, response *http.Response, failed error) balance.Outcome {
	switch {
	case failed != nil:
		return outcomeOf(ctx, connected)
	case response.StatusCode >= http.StatusInternalServerError:
		return balance.Failed
	}
	return balance.OK
}
