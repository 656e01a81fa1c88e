package endsignal

import (
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		received := make(chan os.Signal, 3)
		passed, stop := Once(received)
		defer stop()
		defer stop() // as those do that end before they return
		received <- syscall.SIGTERM
		received <- syscall.SIGTERM // the same request
		received <- syscall.SIGINT
		for _, want := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
			if s := <-passed; s != want {
				t.Errorf("got %v, want %v", s, want)
			}
		}
		time.Sleep(Window) // synctest's clock
		received <- syscall.SIGTERM
		if s := <-passed; s != syscall.SIGTERM {
			t.Errorf("got %v, want the second request", s)
		}
		for range 2 { // no request to end
			received <- syscall.SIGCONT
			if s := <-passed; s != syscall.SIGCONT {
				t.Errorf("got %v, want each one", s)
			}
		}
	})
}
