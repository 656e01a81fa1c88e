package drive

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parseDnsperf reads dnsperf's output: its statistics, and with Latency the lines
// of -v, "> NOERROR NAME TYPE SECONDS".
func (l Load) parseDnsperf(out io.Reader) (Result, error) {
	var (
		c       counts
		elapsed time.Duration
		took    []time.Duration
	)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		var err error
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name {
		case "Queries sent":
			c.sent, err = firstNumber(value)
		case "Queries completed":
			c.answered, err = firstNumber(value)
		case "Response codes":
			c.failed, err = l.failures(value)
		case "Run time (s)":
			elapsed, err = seconds(value)
		default:
			if l.Latency && strings.HasPrefix(line, "> ") && !strings.HasPrefix(line, "> T ") {
				var d time.Duration
				d, err = seconds(line[strings.LastIndexByte(line, ' ')+1:])
				took = append(took, d)
			}
		}
		if err != nil {
			return Result{}, fmt.Errorf("reading %q: %w", line, err)
		}
	}
	if err := lines.Err(); err != nil {
		return Result{}, err
	}
	c.answered -= c.failed
	return result(c, elapsed, took, l.Latency)
}

// result checks and sums up a load.
func result(c counts, elapsed time.Duration, took []time.Duration, latency bool) (Result, error) {
	if err := c.check(); err != nil {
		return Result{}, err
	}
	if elapsed <= 0 || (latency && len(took) == 0) {
		return Result{}, fmt.Errorf("no times in the output")
	}
	return Result{c.answered, elapsed, percentile(took, 0.99)}, nil
}

// firstNumber reads a count in front of more text, such as "72601 (100.00%)".
func firstNumber(text string) (int, error) {
	number, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	return strconv.Atoi(number)
}

// failures adds up the codes that are no answers of "NOERROR 10 (90.91%), NXDOMAIN 1 (9.09%)".
func (l Load) failures(text string) (int, error) {
	sum := 0
	for code := range strings.SplitSeq(text, ",") {
		name, count, _ := strings.Cut(strings.TrimSpace(code), " ")
		n, err := firstNumber(count)
		if err != nil {
			return 0, err
		}
		if !l.accepts(name) {
			sum += n
		}
	}
	return sum, nil
}

func seconds(text string) (time.Duration, error) {
	s, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return time.Duration(s * float64(time.Second)), err
}

// percentile returns what a share of the times is not above; 0 if there are none.
// It sorts them.
func percentile(took []time.Duration, share float64) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[min(int(share*float64(len(took))), len(took)-1)]
}
