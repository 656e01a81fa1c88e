package docs_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// migrateBlocks are the blocks of docs/migrate.md that take part, each with what the
// comment before it says:
//
//	test:corefile   DNS is served with it from here on
//	test:file NAME  it is a file
//	test:get PATH   the other registry answers it to GET
//	test:cli        commands behind "$ ", each with what it prints
var migrateBlocks = regexp.MustCompile("(?s)(<!-- test:([^\n]*) -->\n```[a-z]*\n)(.*?)(```\n)")

// TestMigrate does what docs/migrate.md says, each section on a registry of its own and
// beside what stands for the other one.
func TestMigrate(t *testing.T) {
	t.Parallel()
	text := document(t, "migrate.md")
	var ran strings.Builder
	sections := 0
	for i, section := range strings.Split(text, "\n## ") {
		if i > 0 {
			ran.WriteString("\n## ")
		}
		if !migrateBlocks.MatchString(section) {
			ran.WriteString(section)
			continue
		}
		sections++
		ran.WriteString(newMigration(t).run(t, section))
	}
	if sections != 3 {
		t.Errorf("%d sections of docs/migrate.md have something to run, and not 3", sections)
	}
	compareCaptures(t, "migrate.md", text, ran.String())
}

// migration is what a section needs.
type migration struct {
	session
	etcd    *harness.Etcd
	server  *harness.CoreDNS
	started bool
	other   *http.ServeMux
	// here replaces the ports of the document, and there does the opposite.
	here, there *strings.Replacer
}

func newMigration(t *testing.T) *migration {
	t.Helper()
	m := &migration{etcd: harness.StartEtcd(t, harness.EtcdOptions{}), server: harness.NewCoreDNS(t), other: http.NewServeMux()}
	api := func() string {
		s := httptest.NewServer(m.other)
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	ports := []string{
		"127.0.0.1:2379", strings.TrimPrefix(m.etcd.Endpoints[0], "http://"),
		"127.0.0.1:1053", m.server.Addr(t),
		"svc.internal:1053", fmt.Sprintf("svc.internal:%d", m.server.Port(t, "dns")),
		"consul:1053", fmt.Sprintf("consul:%d", m.server.Port(t, "dns")),
		"skydns.local:1053", fmt.Sprintf("skydns.local:%d", m.server.Port(t, "dns")),
		"-p 1053", fmt.Sprintf("-p %d", m.server.Port(t, "dns")),
		"127.0.0.1:8500", api(),
		"127.0.0.1:8761", api(),
		"127.0.0.1:8600", consulDNS(t),
	}
	m.here, m.there = strings.NewReplacer(ports...), strings.NewReplacer(swapped(ports)...)
	m.dir = t.TempDir()
	programs := t.TempDir()
	install(t, programs, "curl", "dig", "etcdctl", "jq")
	m.env = append(os.Environ(),
		"PATH="+strings.Join([]string{programs, filepath.Dir(harness.Binary(t, "registrar")), os.Getenv("PATH")}, string(os.PathListSeparator)),
		"REGISTRAR_ENDPOINTS="+m.etcd.Endpoints[0], "ETCDCTL_ENDPOINTS="+m.etcd.Endpoints[0])
	return m
}

func swapped(pairs []string) []string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, pairs[i+1], pairs[i])
	}
	return out
}

// run does what the blocks of a section say, and returns the section with what the
// commands have printed.
func (m *migration) run(t *testing.T, section string) string {
	t.Helper()
	return migrateBlocks.ReplaceAllStringFunc(section, func(block string) string {
		parts := migrateBlocks.FindStringSubmatch(block)
		before, text, after := parts[1], parts[3], parts[4]
		switch what, arg, _ := strings.Cut(parts[2], " "); what {
		case "corefile":
			m.serve(t, m.here.Replace(text))
		case "file":
			if err := os.WriteFile(filepath.Join(m.dir, arg), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		case "get":
			m.other.HandleFunc("GET "+arg, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
		case "cli":
			m.upToDate(t)
			return before + m.there.Replace(m.session.run(t, commandsOf(m.here.Replace(text)))) + after
		default:
			t.Fatalf("docs/migrate.md: test:%s makes no sense", parts[2])
		}
		return block
	})
}

func (m *migration) serve(t *testing.T, corefile string) {
	t.Helper()
	if m.started {
		m.server.Reload(t, corefile)
		return
	}
	m.started = true
	m.server.Launch(t, corefile)
	m.server.WaitServing(t)
}

// upToDate waits until DNS shows what was written before: it shows changes in order.
func (m *migration) upToDate(t *testing.T) {
	t.Helper()
	if !m.started {
		return
	}
	const key, name = "/roster/default/up-to-date/a", "up-to-date.default.svc.internal."
	if _, err := m.etcd.Client().Put(t.Context(), key, `{"addresses":["192.0.2.1"],"static":true}`); err != nil {
		t.Fatal(err)
	}
	answers := func() bool { return len(m.server.Ask(t, name, dns.TypeA).Answer) > 0 }
	harness.Eventually(t, harness.Patience, "what was written in DNS", func() error { return harness.True(answers()) })
	if _, err := m.etcd.Client().Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Patience, "what was deleted gone from DNS", func() error { return harness.True(!answers()) })
}
