//go:build acceptance

package acceptance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// typedInZsh types a line into zsh on a terminal of its own, and prints the words that it
// has become.
const typedInZsh = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; TERM=dumb; autoload -Uz compinit; compinit -u -D; source <(command registrar completion zsh)'
zpty -w shell 'registrar() { case $1 in __complete) command registrar "$@" ;; *) print -r -- "words ${(j:|:)@} end" ;; esac }'
zpty -w shell 'print re""ady'
zpty -r shell line $'*ready\r\n*'
zpty -w shell "$1"$'\t'
zpty -r shell line '*words *end*'
line=${line##*words }
print -r -- "${line%% end*}"
`

// offeredByFish prints what fish offers for a line, with a description behind a tab.
const offeredByFish = `registrar completion fish | source; complete -C $argv[1]`

// TestCompletionInOtherShells: what TestCompletionInBash of cmd/registrar shows of bash.
func TestCompletionInOtherShells(t *testing.T) {
	t.Parallel()
	need(t, "fish", "zsh")
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	registrar := harness.Binary(t, "registrar")
	env := []string{
		"PATH=" + filepath.Dir(registrar) + string(os.PathListSeparator) + os.Getenv("PATH"),
		"REGISTRAR_ENDPOINTS=" + e.Endpoints[0], "HOME=" + t.TempDir(),
	}
	output := func(path string, args ...string) string {
		p := harness.Start(t, harness.Command{Name: path, Path: path, Args: args, Env: env})
		if code := p.Wait(t, harness.Patience); code != 0 {
			t.Fatalf("%s: exit code %d: %s", path, code, p.Output())
		}
		return strings.TrimSpace(p.Stdout())
	}
	for _, args := range []string{"orders --id a", "prod/carts --id b"} {
		output(registrar, strings.Fields("register "+args+" --address 10.0.0.7 --port 80 --static")...)
	}
	for _, c := range []struct{ typed, word string }{
		{"registrar get pr", "prod/carts"},
		{"registrar unregister orders ", "a"},
		{"registrar list -n pr", "prod"},
		{"registrar help comp", "completion"},
		{"registrar list --output ya", "yaml"},
		{"registrar register x --address iface:lo", "iface:lo"},
	} {
		offered := output("fish", "--no-config", "-c", offeredByFish, c.typed)
		if got, _, _ := strings.Cut(offered, "\t"); got != c.word {
			t.Errorf("fish offers %q for %q, want %q", got, c.typed, c.word)
		}
		words := strings.Fields(c.typed)[1:]
		if !strings.HasSuffix(c.typed, " ") {
			words = words[:len(words)-1]
		}
		if got, want := output("zsh", "-f", "-c", typedInZsh, "zsh", c.typed), strings.Join(append(words, c.word), "|"); got != want {
			t.Errorf("zsh makes %q of %q, want %q", got, c.typed, want)
		}
	}
}

// TestRenderedConfiguration: HAProxy takes what the example makes of a service.
func TestRenderedConfiguration(t *testing.T) {
	t.Parallel()
	need(t, "haproxy")
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	folder := t.TempDir()
	env := []string{"REGISTRAR_ENDPOINTS=" + e.Endpoints[0]}
	run := func(args string) {
		p := harness.RegistrarCommand(t, harness.Command{Args: strings.Fields(args), Env: env, Dir: folder})
		if code := p.Wait(t, harness.Patience); code != 0 {
			t.Fatalf("registrar %s: exit code %d: %s", args, code, p.Output())
		}
	}
	run("register orders --id a --address 10.0.0.7 --port http:8080 --static")
	run("register orders --id b --address 2001:db8::7 --port http:8080 --weight 500 --priority 1 --static")
	run("render " + filepath.Join(harness.SourceRoot(), "examples", "render", "haproxy.cfg.tmpl") + " haproxy.cfg --once -- haproxy -c -f haproxy.cfg")
}
