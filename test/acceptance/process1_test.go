//go:build acceptance

package acceptance_test

import (
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// TestRunAsProcess1 runs a command as the first process of a container: orphans are
// waited for, TERM reaches the command, and its exit code comes through.
func TestRunAsProcess1(t *testing.T) {
	t.Parallel()
	need(t, "unshare")
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	const script = `
		trap 'exit 7' TERM
		(sh -c 'echo $$ >orphan' &)
		until [ -s orphan ]; do sleep 0.01; done
		while [ -e /proc/$(cat orphan) ]; do sleep 0.01; done
		echo "process 1 is $(cat /proc/1/comm)."
		kill -TERM 1
		while :; do sleep 0.01; done`
	p := harness.RegistrarCommand(t, harness.Command{
		Wrap: []string{"unshare", "--pid", "--fork", "--kill-child", "--mount-proc"},
		Args: []string{
			"run", "orders", "--id", "a", "--address", "127.0.0.1", "--port", "http:8080", "--drain-delay", "0s",
			"--endpoints", e.Endpoints[0], "--", "sh", "-c", script,
		},
	})
	if code := p.Wait(t, harness.Patience); code != 7 || !strings.Contains(p.Output(), "process 1 is registrar.") {
		t.Errorf("exit code %d, want the command's; it said:\n%s", code, p.Output())
	}
}
