package harness

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/miekg/dns"
)

// CoreDNS is a process of the built coredns.
type CoreDNS struct {
	*Process
	// Log is that of the Command; it can be set before a start.
	Log *os.File

	dir      string
	corefile string // path
	ports    map[string]int
	reloads  int // since the last start
	failures int // of reloads, since the last start
	wrap     []string
}

// NewCoreDNS prepares a coredns that is yet to be started. In its Corefiles,
// which are templates of package text/template,
//
//	{{port "NAME"}}   is a free port, the same one for the same name
//	{{dir}}           is a folder, the same one in all its Corefiles
//
// The ports "dns", "fastpath", "ready" and "metrics" are those that methods use. What runs
// in front of the program, if anything, is wrap.
func NewCoreDNS(t testing.TB, wrap ...string) *CoreDNS {
	t.Helper()
	dir := t.TempDir()
	return &CoreDNS{dir: dir, corefile: filepath.Join(dir, "Corefile"), ports: map[string]int{}, wrap: wrap}
}

// StartCoreDNS starts a coredns, and waits until it answers queries and every
// plugin is ready.
func StartCoreDNS(t testing.TB, corefile string) *CoreDNS {
	t.Helper()
	c := NewCoreDNS(t)
	c.Launch(t, corefile)
	c.WaitReady(t)
	return c
}

// Launch starts the process, or starts it again, without waiting.
func (c *CoreDNS) Launch(t testing.TB, corefile string) {
	t.Helper()
	c.Configure(t, corefile)
	c.reloads, c.failures = 0, 0
	c.Process = Start(t, Command{
		Name: "coredns",
		Path: Binary(t, "coredns"),
		Args: []string{"-conf", "Corefile"},
		Dir:  c.dir,
		Wrap: c.wrap,
		Log:  c.Log,
	})
	t.Cleanup(func() { CheckNoTrace(t, c.Process) })
}

// Configure writes the Corefile, which a start or a reload reads.
func (c *CoreDNS) Configure(t testing.TB, corefile string) {
	t.Helper()
	text, err := template.New("Corefile").Option("missingkey=error").Funcs(template.FuncMap{
		"port": func(name string) int { return c.Port(t, name) },
		"dir":  func() string { return c.dir },
	}).Parse(corefile)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := text.Execute(&out, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.corefile, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Dir is the folder with the Corefile.
func (c *CoreDNS) Dir() string { return c.dir }

// Port is the port of the name in the Corefile.
func (c *CoreDNS) Port(t testing.TB, name string) int {
	t.Helper()
	if _, ok := c.ports[name]; !ok {
		c.ports[name] = FreePort(t)
	}
	return c.ports[name]
}

// Addrs are all addresses at which queries are answered: of the port "dns", and of
// "fastpath" where the Corefile has it.
func (c *CoreDNS) Addrs(t testing.TB) []string {
	t.Helper()
	addrs := []string{c.Addr(t)}
	if port, ok := c.ports["fastpath"]; ok {
		addrs = append(addrs, fmt.Sprintf("127.0.0.1:%d", port))
	}
	return addrs
}

// Addr is the address at which queries are answered.
func (c *CoreDNS) Addr(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", c.Port(t, "dns"))
}

// WaitServing waits until the process listens for queries.
func (c *CoreDNS) WaitServing(t testing.TB) {
	t.Helper()
	c.WaitOutput(t, Patience, "\nCoreDNS-", 1)
}

// WaitReady waits until every plugin is ready, and the server answers: the plugins
// can be first.
func (c *CoreDNS) WaitReady(t testing.TB) {
	t.Helper()
	url := fmt.Sprintf("http://127.0.0.1:%d/ready", c.Port(t, "ready"))
	Eventually(t, Patience, "coredns being ready", func() error {
		select {
		case <-c.Done():
			t.Fatal("coredns has ended instead of getting ready")
		default:
		}
		code, body, err := httpGet(t.Context(), url)
		if err != nil {
			return err
		}
		defer body.Close()
		if code != http.StatusOK {
			return fmt.Errorf("status %d", code)
		}
		_, err = Ask(t.Context(), c.Addr(t), Question{Name: ".", Type: dns.TypeNS})
		return err
	})
}

// Ready reports whether every plugin says that it is ready.
func (c *CoreDNS) Ready(t testing.TB) bool {
	t.Helper()
	code, body, err := httpGet(t.Context(), fmt.Sprintf("http://127.0.0.1:%d/ready", c.Port(t, "ready")))
	if err != nil {
		return false
	}
	defer body.Close()
	return code == http.StatusOK
}

// Reload writes a new Corefile, makes the process read it, and waits until that
// is done.
func (c *CoreDNS) Reload(t testing.TB, corefile string) {
	t.Helper()
	c.Configure(t, corefile)
	c.reloads++
	c.signalReload(t)
	c.WaitOutput(t, Patience, "Reloading complete", c.reloads)
}

// WaitSignals waits until the process heeds signals, by having it reload its Corefile: it
// would not end in good order by a TERM that comes first.
func (c *CoreDNS) WaitSignals(t testing.TB) {
	t.Helper()
	c.reloads++
	c.signalReload(t)
}

// signalAgain is after how long a signal that was not heeded is sent again.
const signalAgain = 5 * time.Second

// signalReload sends SIGUSR1 until it is heeded. CoreDNS asks for signals beside
// its start: one that comes first is lost.
func (c *CoreDNS) signalReload(t testing.TB) {
	t.Helper()
	var sent time.Time
	Eventually(t, Patience, "coredns heeding SIGUSR1", func() error {
		if time.Since(sent) > signalAgain {
			sent = time.Now()
			c.Signal(t, syscall.SIGUSR1)
		}
		return True(strings.Count(c.Output(), "[INFO] SIGUSR1: Reloading") >= c.reloads+c.failures)
	})
}

// ReloadFails is Reload with a Corefile that can't be loaded.
func (c *CoreDNS) ReloadFails(t testing.TB, corefile string) {
	t.Helper()
	c.Configure(t, corefile)
	c.failures++
	c.signalReload(t)
	c.WaitOutput(t, Patience, "[ERROR] SIGUSR1", c.failures)
}

// Ask asks by UDP with EDNS. No answer ends the test.
func (c *CoreDNS) Ask(t testing.TB, name string, qtype uint16) *dns.Msg {
	t.Helper()
	return MustAsk(t, c.Addr(t), name, qtype)
}

// Metrics reads the process's metrics.
func (c *CoreDNS) Metrics(t testing.TB) Metrics {
	t.Helper()
	return ScrapeMetrics(t, fmt.Sprintf("http://127.0.0.1:%d/metrics", c.Port(t, "metrics")))
}

// RunCoreDNS starts a coredns that is expected to end by itself, and returns
// what it wrote and its exit code.
func RunCoreDNS(t testing.TB, corefile string) (output string, code int) {
	t.Helper()
	c := NewCoreDNS(t)
	c.Launch(t, corefile)
	code = c.Wait(t, Patience)
	return c.Output(), code
}
