package tour_test

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
	"github.com/rosterdns/roster/test/tour"
)

const document = `# A tour

Not part of it:

~~~sh
exit 1
~~~

<!-- test:tour-server -->
~~~sh
tail -f /dev/null
~~~

<!-- test:tour -->
~~~sh
name=PLACE
sleep 300 &
~~~

- In a list:

  <!-- test:tour -->
  ~~~sh
  echo "hello,   $name"; echo $!
  ~~~
`

func TestRun(t *testing.T) {
	t.Parallel()
	source := strings.ReplaceAll(document, "~~~", "```")
	steps, err := tour.Steps([]byte(source))
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 3 {
		t.Fatalf("%d steps: %+v", len(steps), steps)
	}
	if line := strings.Split(source, "\n")[steps[0].Line-1]; line != "tail -f /dev/null" {
		t.Errorf("line %d of the first step is %q", steps[0].Line, line)
	}
	steps[1].Shown = []string{"name"}
	var job int
	steps[2].Check = func(out string) error {
		_, err := fmt.Sscanf(out, "hello, world\n%d\n", &job)
		return err
	}
	asked := ""
	said := record(t, func(t testing.TB) {
		tour.Run(t, steps, tour.Options{
			Dir: t.TempDir(), Replace: strings.NewReplacer("PLACE", "world"),
			Dig: func(_ testing.TB, name, qtype string) (string, error) {
				asked += name + " " + qtype + "; "
				return "127.0.0.1", nil
			},
		})
	})
	// tail doesn't end well at TERM, which Run has to find.
	if want := "exit code 143 after TERM"; !strings.Contains(said, want) || strings.Contains(said, "the step") {
		t.Errorf("said %q, want %q", said, want)
	}
	if want := "svc.internal SOA; name A; "; asked != want {
		t.Errorf("asked %q, want %q", asked, want)
	}
	if job == 0 {
		t.Fatal("no job was started")
	}
	harness.Eventually(t, 10*time.Second, "the job's end", func() error {
		return harness.True(syscall.Kill(job, 0) != nil)
	})
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"fails":         "false",
		"fails halfway": "false\ntrue",
		"unknown":       "no-such-command",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := record(t, func(t testing.TB) {
				tour.Run(t, []tour.Step{{Kind: tour.Shell, Text: script}}, tour.Options{Dir: t.TempDir()})
			})
			if !strings.Contains(said, "ended without writing") {
				t.Errorf("a step that fails passed: %q", said)
			}
		})
	}
}

func TestRunChecks(t *testing.T) {
	t.Parallel()
	said := record(t, func(t testing.TB) {
		tour.Run(t, []tour.Step{{
			Kind: tour.Shell, Text: "echo one   two", Line: 7,
			Check: func(out string) error { return fmt.Errorf("got %q", out) },
		}}, tour.Options{Dir: t.TempDir()})
	})
	if want := `the step on line 7: got "one two\n"`; !strings.Contains(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}

func TestStepsRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"<!-- test:tours -->\n```sh\n```\n",
		"<!-- test:tour -->\n```go\n```\n",
		"<!-- test:tour-go -->\n```\n```\n",
	} {
		if steps, err := tour.Steps([]byte(text)); err == nil {
			t.Errorf("%q: %+v, want an error", text, steps)
		}
	}
}

// record runs f as a test that may fail, and returns what it says.
func record(t *testing.T, f func(testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.text
}

type recorder struct {
	testing.TB
	text string
}

func (r *recorder) Errorf(format string, args ...any) { r.text += fmt.Sprintf(format, args...) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.text += fmt.Sprintf(format, args...)
	runtime.Goexit()
}
