package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar/memory"
)

// templateFile writes a template and returns its path, and that of a file to write.
func templateFile(t *testing.T, text string) (template, out string) {
	t.Helper()
	folder := t.TempDir()
	template, out = filepath.Join(folder, "hosts.tmpl"), filepath.Join(folder, "hosts")
	if err := os.WriteFile(template, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return template, out
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

const idsTemplate = `{{range service "orders"}}{{addrPort "http" .}} {{.ID}}` + "\n{{end}}"

// TestRender: the file follows the service, and the command runs after each change of it.
func TestRender(t *testing.T) {
	t.Parallel()
	s := newShop()
	template, out := templateFile(t, idsTemplate)
	r := s.begin(t, "render", template, out, "--wait", "1ms", "--", "sh", "-c", `echo "reload $(wc -l <"$0")"`, out)
	r.says(t, "registrar: "+out+" is left as it is: too few instances of default/orders: --min 1 asks for more: give less, or use \"optional\" in the template\n")
	s.put(t, "a", "up")
	r.wrote(t, "reload 1\n")
	if got := read(t, out); got != "10.0.0.7:8080 a\n" {
		t.Errorf("the file holds %q", got)
	}
	s.put(t, "b", "up")
	r.wrote(t, "reload 1\nreload 2\n")
	s.store.SetState(memory.Unavailable)
	r.says(t, "registrar: "+out+" is left as it is: watching \"default/orders\": etcd unavailable")
	s.store.SetState(memory.Up)
	eventually(t, "contact is back", func() bool { return strings.Count(r.stderr.String(), "is up to date again\n") == 2 })
	s.do(t, "", exitOK, "unregister", "orders", "a")
	s.do(t, "", exitOK, "unregister", "orders", "b")
	eventually(t, "nobody is left", func() bool { return strings.Count(r.stderr.String(), "too few instances") == 2 })
	r.stop(t)
	if got := read(t, out); strings.Count(got, "\n") == 0 {
		t.Errorf("the file holds %q", got)
	}
}

func TestRenderOnce(t *testing.T) {
	t.Parallel()
	s := newShop()
	template, out := templateFile(t, idsTemplate)
	_, stderr := s.do(t, "", exitNotFound, "render", template, out, "--once")
	if want := "registrar: not found: too few instances of default/orders: --min 1 asks for more: give less, or use \"optional\" in the template\n"; stderr != want {
		t.Errorf("it said %q, want %q", stderr, want)
	}
	s.do(t, "", exitOK, "render", template, out, "--once", "--min", "0")
	s.put(t, "a", "up")
	if stdout, stderr := s.do(t, "", exitOK, "render", template, out, "--once", "--", "echo", "reload"); stdout != "reload\n" || stderr != "registrar: wrote "+out+"\n" {
		t.Errorf("it wrote %q and said %q", stdout, stderr)
	}
	// Nothing has changed.
	if stdout, stderr := s.do(t, "", exitOK, "render", template, out, "--once", "--", "echo", "reload"); stdout != "" || stderr != "" {
		t.Errorf("it wrote %q and said %q", stdout, stderr)
	}
	if got, _ := s.do(t, "", exitOK, "render", template, "-", "--once"); got != "10.0.0.7:8080 a\n" {
		t.Errorf("to standard output it wrote %q", got)
	}
	if _, stderr := s.do(t, "", exitFailure, "render", template, "-", "--once", "--", "false"); !strings.HasSuffix(stderr, "registrar: command failed: false: exit status 1\n") {
		t.Errorf("it said %q", stderr)
	}
	// --namespace is that of services without one.
	s.do(t, "", exitNotFound, "render", template, out, "--once", "-n", "prod")
}

// TestRenderTellsFirst: the command runs once it has been said what was written, although
// messages are written in the background.
func TestRenderTellsFirst(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.put(t, "a", "up")
	template, out := templateFile(t, idsTemplate)
	b := newBench(s.open())
	var said, ran string
	b.app.flush = func() { said, ran = b.stderr.String(), b.stdout.String() }
	if code, stdout, _ := b.run(t, "render", template, out, "--once", "--", "echo", "reload"); code != exitOK || stdout != "reload\n" {
		t.Fatalf("exit code %d; it wrote %q", code, stdout)
	}
	if said != "registrar: wrote "+out+"\n" || ran != "" {
		t.Errorf("before the command it said %q and wrote %q", said, ran)
	}
}

// TestRenderLists: the services of a namespace, or of all.
func TestRenderLists(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.put(t, "a", "up")
	s.do(t, "", exitOK, "register", "prod/carts", "--id", "b", "--address", "10.0.0.8", "--port", "80", "--static")
	template, out := templateFile(t, `{{join " " services}}; {{join " " (services "prod")}}; {{len (services "none")}}`)
	s.do(t, "", exitOK, "render", template, out, "--once")
	if got := read(t, out); got != "default/orders prod/carts; prod/carts; 0" {
		t.Errorf("the file holds %q", got)
	}
}

func TestRenderEnds(t *testing.T) {
	t.Parallel()
	template, out := templateFile(t, idsTemplate)
	for _, c := range []struct {
		state memory.State
		args  []string
		want  int
	}{
		{memory.Forbidding, nil, exitPermission},
		{memory.Forbidding, []string{"--once"}, exitPermission},
		{memory.Unavailable, []string{"--once", "--timeout", "1500ms"}, exitUnavailable},
	} {
		s := newShop()
		s.store.SetState(c.state)
		s.do(t, "", c.want, append([]string{"render", template, out}, c.args...)...)
		if got := read(t, out); got != "" {
			t.Errorf("%v %v: the file holds %q", c.state, c.args, got)
		}
	}
}

// TestRenderToStandardOutput prints a text again only once it is another one.
func TestRenderToStandardOutput(t *testing.T) {
	t.Parallel()
	s := newShop()
	template, _ := templateFile(t, `{{len (optional "orders")}} `)
	r := s.begin(t, "render", template, "-", "--wait", "1ms")
	r.wrote(t, "0 ")
	s.put(t, "a", "up")
	r.wrote(t, "0 1 ")
	s.do(t, "", exitOK, "register", "orders", "--id", "a", "--address", "10.0.0.9", "--port", "80", "--static")
	s.put(t, "b", "up")
	r.wrote(t, "0 1 2 ")
	r.stop(t)
}

// TestRenderCannotWrite: it goes on, and says why.
func TestRenderCannotWrite(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.put(t, "a", "up")
	template, out := templateFile(t, idsTemplate)
	folder := filepath.Dir(out)
	r := s.begin(t, "render", template, folder)
	r.says(t, "registrar: "+folder+" is left as it is: writing: \""+folder+"\" is not a regular file\n")
	r.stop(t)
	s.do(t, "", exitFailure, "render", template, folder, "--once")
}
