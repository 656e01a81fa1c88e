package drive

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// answerTime is how long Sender waits for an answer.
const answerTime = 2 * time.Second

// Sender drives from this process, one query after the other: slower than
// dnsperf, and there on every machine.
type Sender struct{}

// Drive implements Driver.
func (Sender) Drive(ctx context.Context, l Load) (Result, error) {
	queries, err := l.queries()
	if err != nil {
		return Result{}, err
	}
	conn, err := net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", l.Port))
	if err != nil {
		return Result{}, err
	}
	defer conn.Close()

	var (
		c     counts
		took  []time.Duration
		start = time.Now()
	)
	for ; l.goesOn(c.sent, len(queries), start) && ctx.Err() == nil; c.sent++ {
		if l.Rate > 0 {
			time.Sleep(time.Until(start.Add(time.Duration(c.sent) * time.Second / time.Duration(l.Rate))))
		}
		sent := time.Now()
		switch rcode, err := exchange(conn, queries[c.sent%len(queries)], uint16(c.sent)); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case err != nil:
			return Result{}, err
		case !l.accepts(dns.RcodeToString[rcode]):
			c.failed++
		default:
			c.answered++
		}
		took = append(took, time.Since(sent))
	}
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	return result(c, time.Since(start), took, l.Latency)
}

func (l Load) goesOn(sent, questions int, start time.Time) bool {
	if l.Once {
		return sent < questions
	}
	return time.Since(start) < l.Duration
}

// queries are the packed questions.
func (l Load) queries() ([][]byte, error) {
	text, err := os.ReadFile(l.Questions)
	if err != nil {
		return nil, err
	}
	var queries [][]byte
	for line := range strings.Lines(string(text)) {
		name, qtype, _ := strings.Cut(strings.TrimSpace(line), " ")
		m := new(dns.Msg)
		m.SetQuestion(dns.Fqdn(name), dns.StringToType[qtype])
		if l.EDNS {
			m.SetEdns0(dns.DefaultMsgSize, false) // as dnsperf
		}
		query, err := m.Pack()
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", l.Questions, line, err)
		}
		queries = append(queries, query)
	}
	if len(queries) == 0 {
		return nil, fmt.Errorf("%s has no questions", l.Questions)
	}
	return queries, nil
}

// headerSize is that of a DNS message's header.
const headerSize = 12

// exchange sends a query with an ID and returns the code of its answer.
func exchange(conn net.Conn, query []byte, id uint16) (rcode int, err error) {
	query[0], query[1] = byte(id>>8), byte(id)
	if _, err := conn.Write(query); err != nil {
		return 0, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(answerTime)); err != nil {
		return 0, err
	}
	var answer [dns.DefaultMsgSize]byte
	for {
		n, err := conn.Read(answer[:])
		if err != nil {
			return 0, err
		}
		if n >= headerSize && answer[0] == query[0] && answer[1] == query[1] {
			return int(answer[3] & 0xf), nil
		}
	}
}
