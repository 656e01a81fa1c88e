//go:build unix

package supervise

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/rosterdns/roster/cmd/registrar/internal/endsignal"
)

// signals are those that end a command or are passed on to it. The kernel sends others
// to say what a process itself has done, and SIGURG is the Go runtime's.
var signals = []os.Signal{
	syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
	syscall.SIGALRM, syscall.SIGWINCH, syscall.SIGTSTP, syscall.SIGCONT,
}

// Signals asks for the signals of a process that runs a command, but for those that it
// was started to ignore, as HUP under nohup: the command ignores them too. It takes
// SIGPIPE besides, of which nothing follows, so that a reader that goes away does not
// end this process: ignoring it would have the command ignore it as well.
func Signals() (received <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 16) // room for some that come at once
	for _, s := range append([]os.Signal{syscall.SIGPIPE}, signals...) {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
	once, end := endsignal.Once(c)
	return once, func() {
		signal.Stop(c)
		end()
	}
}
