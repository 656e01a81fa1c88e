package harness

import (
	"strings"
	"testing"
)

// Registrar starts the built registrar.
func Registrar(t testing.TB, args ...string) *Process {
	t.Helper()
	return RegistrarCommand(t, Command{Args: args})
}

// RegistrarCommand starts the built registrar with arguments and surroundings of
// a command.
func RegistrarCommand(t testing.TB, c Command) *Process {
	t.Helper()
	c.Name = "registrar " + strings.Join(c.Args, " ")
	c.Path = Binary(t, "registrar")
	p := Start(t, c)
	t.Cleanup(func() { CheckNoTrace(t, p) })
	return p
}

// CheckNoTrace fails the test if the process wrote a stack trace: no input and
// no fault outside may cause one.
func CheckNoTrace(t testing.TB, p *Process) {
	t.Helper()
	out := p.Output()
	for _, trace := range []string{"goroutine ", "panic: ", "DATA RACE"} {
		if strings.Contains(out, trace) {
			t.Errorf("%s wrote a stack trace:\n%s", p, out)
			return
		}
	}
}
