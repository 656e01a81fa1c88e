package httpbalance

import "sync/atomic"

const (
	// retry is what sending a request again costs; budgets count in thousandths.
	retry = 1000
	// reserve is what a budget has at first, so that a client that asks seldom can retry.
	reserve = 10 * retry
	// maxBudget is the most that a budget has: what was saved up in good times allows for
	// one burst of failures, such as of the requests in flight on an instance that dies.
	maxBudget = 100 * retry
)

// budget bounds how many requests are sent again: each request pays a part of one in.
type budget struct {
	deposit int64
	balance atomic.Int64
}

func newBudget(fraction float64) *budget {
	b := &budget{deposit: int64(min(max(fraction, 0), 1) * retry)}
	if b.deposit > 0 {
		b.balance.Store(reserve)
	}
	return b
}

// request pays in for a request.
func (b *budget) request() {
	if b.balance.Load() < maxBudget {
		b.balance.Add(b.deposit)
	}
}

// retry pays for sending one again; false if there is too little.
func (b *budget) retry() bool {
	if b.balance.Add(-retry) >= 0 {
		return true
	}
	b.balance.Add(retry)
	return false
}

// refund takes a retry back that was not made.
func (b *budget) refund() { b.balance.Add(retry) }
