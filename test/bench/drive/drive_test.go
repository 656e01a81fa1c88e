package drive

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const statistics = `DNS Performance Testing Tool
Version 2.10.0

[Status] Command line: dnsperf -s 127.0.0.1 -p 15353 -d q -l 2 -T 1
[Status] Sending queries (to 127.0.0.1:15353)
> NOERROR s00000.web.svc.internal A 0.007174
> T s00001.web.svc.internal A
> NOERROR s00002.web.svc.internal A 0.000093
[Status] Testing complete (time limit)

Statistics:

  Queries sent:         72601
  Queries completed:    72600 (100.00%)
  Queries lost:         1 (0.00%)

  Response codes:       NOERROR 72600 (100.00%)
  Average packet size:  request 41, response 127
  Run time (s):         2.014090
  Queries per second:   36046.552041

  Average Latency (s):  0.002408 (min 0.000026, max 0.031174)
  Latency StdDev (s):   0.002175
`

func TestParseDnsperf(t *testing.T) {
	t.Parallel()
	want := Result{Answered: 72600, Elapsed: 2014090 * time.Microsecond, P99: 7174 * time.Microsecond}
	if got, err := (Load{Latency: true}).parseDnsperf(strings.NewReader(statistics)); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for what, text := range map[string]string{
		"nothing":            "",
		"an error code":      strings.Replace(statistics, "NOERROR 72600 (100.00%)", "NOERROR 72599 (100.00%), SERVFAIL 1 (0.00%)", 1),
		"an absent name":     strings.Replace(statistics, "NOERROR 72600 (100.00%)", "NXDOMAIN 72600 (100.00%)", 1),
		"a hundredth lost":   strings.Replace(statistics, "completed:    72600", "completed:    71800", 1),
		"a count of letters": strings.Replace(statistics, "sent:         72601", "sent:         many", 1),
		"no run time":        strings.Replace(statistics, "Run time (s)", "Run time", 1),
	} {
		if got, err := (Load{}).parseDnsperf(strings.NewReader(text)); err == nil {
			t.Errorf("%s: %+v, want an error", what, got)
		}
	}
	if got, err := (Load{Latency: true}).parseDnsperf(strings.NewReader(strings.ReplaceAll(statistics, "> ", ""))); err == nil {
		t.Errorf("without the lines of -v: %+v, want an error", got)
	}
}

// TestAbsent: where names don't exist, NXDOMAIN is an answer, and no other code is.
func TestAbsent(t *testing.T) {
	t.Parallel()
	text := strings.Replace(statistics, "NOERROR 72600 (100.00%)", "NOERROR 2600 (3.58%), NXDOMAIN 70000 (96.42%)", 1)
	if got, err := (Load{Absent: true}).parseDnsperf(strings.NewReader(text)); err != nil || got.Answered != 72600 {
		t.Errorf("got %+v, %v; want 72600 answers", got, err)
	}
	if got, err := (Load{Absent: true}).parseDnsperf(strings.NewReader(strings.Replace(text, "NXDOMAIN", "REFUSED", 1))); err == nil {
		t.Errorf("with REFUSED: %+v, want an error", got)
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for i := 1000; i > 0; i-- {
		took = append(took, time.Duration(i))
	}
	if got := percentile(took, 0.99); got != 991 {
		t.Errorf("of 1 to 1000: %d, want 991", got)
	}
	if got := percentile(nil, 0.99); got != 0 {
		t.Errorf("of nothing: %d, want 0", got)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	l := Load{Port: 53, Questions: "q", EDNS: true, Duration: 3 * time.Second, Rate: 100, Latency: true}
	const want = "-f inet -s 127.0.0.1 -p 53 -d q -T 1 -c 16 -l 3 -Q 100 -e -v"
	if got := strings.Join(l.arguments(), " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSender(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	server := &dns.Server{Addr: "127.0.0.1:0", Net: "udp", NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(answer)}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	<-started
	defer func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	port := server.PacketConn.LocalAddr().(*net.UDPAddr).Port

	questions := filepath.Join(t.TempDir(), "questions")
	write := func(text string) {
		if err := os.WriteFile(questions, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := Load{Port: port, Questions: questions, EDNS: true, Once: true, Latency: true}
	write("a.test A\nb.test SRV\n")
	got, err := Sender{}.Drive(t.Context(), load)
	if err != nil || got.Answered != 2 || got.P99 <= 0 || got.Rate() <= 0 {
		t.Errorf("got %+v, %v; want two answers", got, err)
	}
	write("a.test A\nfails.test A\n")
	if got, err := (Sender{}).Drive(t.Context(), load); err == nil {
		t.Errorf("with SERVFAIL: %+v, want an error", got)
	}
	write("a.test A\nabsent.test A\n")
	load.Absent = true
	if got, err := (Sender{}).Drive(t.Context(), load); err != nil || got.Answered != 2 {
		t.Errorf("with NXDOMAIN: %+v, %v; want two answers", got, err)
	}
}

// answer answers all but fails.test and absent.test.
func answer(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	if r.Question[0].Name == "fails.test." || r.IsEdns0() == nil {
		m.Rcode = dns.RcodeServerFailure
	}
	if r.Question[0].Name == "absent.test." {
		m.Rcode = dns.RcodeNameError
	}
	_ = w.WriteMsg(m) // an answer that is missing fails the test
}
