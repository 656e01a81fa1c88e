package httpbalance

import (
	"context"
	"net/http"
	"slices"

	"github.com/rosterdns/roster/registrar/balance"
)

// maxUnconnected is how many instances are tried, for one request, that can't be
// connected to. A client that finds every second one dead fails for one request in a
// thousand; more tries would multiply the work of one that reaches nobody.
const maxUnconnected = 10

// service is what is known of a service that requests go to.
type service struct {
	*config
	balancer *balance.Balancer
	budget   *budget
}

// send sends a request to an instance, and to others as long as that fails.
func (s *service) send(req *http.Request) (*http.Response, error) {
	s.budget.request()
	picked, err := s.balancer.Pick(req.Context())
	if err != nil {
		closeBody(req.Body)
		return nil, err
	}
	c := call{service: s, req: req}
	for sent := req; ; {
		last := s.sendTo(picked, sent)
		next, other, ok := c.next(last)
		if !ok {
			return last.finish(req)
		}
		last.discard()
		sent, picked = next, other
	}
}

// call is how a request has fared so far.
type call struct {
	*service
	req         *http.Request
	tried       []string // IDs
	unconnected int      // tries that had no connection
	repeated    int      // tries that followed one that had
}

// next returns what to send after a try, and to which instance; false if that try was the
// last one.
func (c *call) next(last try) (*http.Request, balance.Picked, bool) {
	ctx := c.req.Context()
	c.tried = append(c.tried, last.picked.Instance.ID)
	if ctx.Err() != nil || !c.retriable(last) {
		return nil, balance.Picked{}, false
	}
	body, ok := bodyAgain(c.req)
	if !ok {
		return nil, balance.Picked{}, false
	}
	picked, ok := c.pickAgain(ctx, last)
	if !ok {
		closeBody(body)
		return nil, balance.Picked{}, false
	}
	next := c.req.WithContext(ctx)
	next.Body = body
	return next, picked, true
}

// pickAgain picks an instance that was not tried, and pays for it out of the budget where the
// request can have reached one.
func (c *call) pickAgain(ctx context.Context, last try) (picked balance.Picked, ok bool) {
	pays := last.progress == connected
	if pays && !c.budget.retry() {
		return picked, false
	}
	picked, err := c.balancer.Pick(ctx, c.tried...)
	if err != nil && pays {
		c.budget.refund() // nobody is left to send it to
	}
	return picked, err == nil
}

// retriable reports whether another instance may be tried, and counts it.
func (c *call) retriable(last try) bool {
	switch {
	case last.progress == refused:
		return false
	case last.progress == connecting:
		c.unconnected++
		return c.unconnected < maxUnconnected
	case last.err == nil && !slices.Contains(c.retryStatus, last.response.StatusCode),
		c.repeated >= c.retries || !idempotent(c.req):
		return false
	}
	c.repeated++
	return true
}
