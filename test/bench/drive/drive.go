package drive

import (
	"context"
	"fmt"
	"time"
)

// Load says what queries to send, by UDP over IPv4.
type Load struct {
	// Port is where the server listens on 127.0.0.1.
	Port int
	// Questions is the path of a file with lines "NAME TYPE", which are asked in order,
	// over and over.
	Questions string
	// EDNS adds an OPT record.
	EDNS bool
	// Duration is how long queries are sent.
	Duration time.Duration
	// Once asks each question once, in place of Duration.
	Once bool
	// Rate bounds queries a second; 0 is as fast as answers come, with up to a hundred
	// queries under way.
	Rate int
	// Latency has Result.P99 filled.
	Latency bool
	// Absent says that names don't exist: NXDOMAIN is an answer like NOERROR.
	Absent bool
}

// accepts reports whether a code is that of an answer.
func (l Load) accepts(code string) bool { return code == "NOERROR" || l.Absent && code == "NXDOMAIN" }

// Result is what came back.
type Result struct {
	// Answered counts the queries that were answered, by a code that the load accepts.
	Answered int
	// Elapsed is from the first query to the last answer.
	Elapsed time.Duration
	// P99 is the time that all but a hundredth of the answers took at most.
	P99 time.Duration
}

// Rate is the number of answers a second.
func (r Result) Rate() float64 { return float64(r.Answered) / r.Elapsed.Seconds() }

// Driver sends queries.
type Driver interface {
	// Drive sends a load. It is an error if an answer has a code that the load doesn't
	// accept, or if more than one in a thousand is missing.
	Drive(ctx context.Context, l Load) (Result, error)
}

// allowedLoss is the share of queries that may have no answer: the kernel drops
// packets of a server that does not get a processor for a moment.
const allowedLoss = 0.001

// counts are the queries of a load by what became of them.
type counts struct{ sent, answered, failed int }

func (c counts) check() error {
	switch lost := c.sent - c.answered - c.failed; {
	case c.sent == 0:
		return fmt.Errorf("no query was sent")
	case c.failed > 0:
		return fmt.Errorf("%d of %d queries were answered by an error", c.failed, c.sent)
	case float64(lost) > allowedLoss*float64(c.sent):
		return fmt.Errorf("%d of %d queries were not answered", lost, c.sent)
	}
	return nil
}
