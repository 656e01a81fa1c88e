package doctor

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Differences of clocks. Leases don't depend on clocks; certificates, tokens and logs do.
const (
	// warnSkew is more than a clock has that is set by NTP.
	warnSkew = 5 * time.Second
	// failSkew is the difference from which on signatures of DNS messages are refused
	// (TSIG, RFC 8945, 10).
	failSkew = 5 * time.Minute
)

// Skew returns by how much the clock of a server differs at least from the one of this
// machine: the server wrote the date, which has whole seconds, between sent and received.
// It is positive where the server's is ahead.
func Skew(date, sent, received time.Time) time.Duration {
	if ahead := date.Sub(received); ahead > 0 {
		return ahead
	}
	return min(0, date.Add(time.Second).Sub(sent))
}

// SkewOf returns the Skew of who answers at a URL by HTTP.
func SkewOf(ctx context.Context, client *http.Client, url string) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	sent := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	received := time.Now()
	_ = resp.Body.Close()
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, fmt.Errorf("the answer at %s has no date", url)
	}
	return Skew(date, sent, received), nil
}

// Clock judges the difference of a member's clock from the one of this machine; err says
// why it is not known.
func Clock(endpoint string, skew time.Duration, err error) Finding {
	const do = "set both clocks by NTP"
	difference := skew.Abs().Round(time.Second)
	side := "ahead of"
	if skew < 0 {
		side = "behind"
	}
	switch {
	case err != nil:
		return warn("compare it yourself", "clock of etcd %s is not known: %v", endpoint, err)
	case skew.Abs() >= failSkew:
		return fail(do, "clock of etcd %s is %v %s this machine's: certificates and signatures fail", endpoint, difference, side)
	case skew.Abs() >= warnSkew:
		return warn(do, "clock of etcd %s is %v %s this machine's", endpoint, difference, side)
	}
	return ok("clock of etcd %s agrees with this machine's", endpoint)
}

const (
	// firstWait is how long the library waits for the first answer about a service.
	firstWait = time.Second
	// renewals is how often a lease is renewed within its TTL.
	renewals = 3
)

// Latency judges how long requests to etcd took, at least one, by the TTL of leases.
func Latency(took []time.Duration, ttl time.Duration) Finding {
	took = slices.Sorted(slices.Values(took))
	at := func(percent int) time.Duration { return took[(len(took)-1)*percent/100] }
	text := fmt.Sprintf("requests to etcd: median %v, 90%% %v, slowest %v (leases: %v)",
		short(at(50)), short(at(90)), short(took[len(took)-1]), ttl)
	switch slow := at(90); {
	case slow >= ttl/renewals:
		return fail("find out what slows etcd down (its disk, the network), or raise --lease", "%s: leases can run out before they are renewed", text)
	case slow >= firstWait:
		return warn("find out what slows etcd down: its disk, or the network", "%s: the first answers of the library are errors", text)
	}
	return ok("%s", text)
}

// short rounds a duration to what a person reads.
func short(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}
