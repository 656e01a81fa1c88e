// Package endsignal tells one request to end, which can be sent as several signals, from
// a second request.
package endsignal

import (
	"os"
	"sync"
	"syscall"
	"time"
)

// Window is how soon after a signal the same one is a repetition: timeout(1) and other
// programs send it to their child and then to its process group, in microseconds. It is
// less than what somebody takes who asks once more.
const Window = 100 * time.Millisecond

// waiting is how many signals wait for the program: more than it has kinds of requests.
const waiting = 16

// Once passes on signals, but INT, TERM and HUP only if the same one was not passed on
// within Window. Stop ends it, and can be called again; then nothing is passed on any more.
func Once(received <-chan os.Signal) (passed <-chan os.Signal, stop func()) {
	out, done := make(chan os.Signal, waiting), make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		last := map[os.Signal]time.Time{}
		for {
			select {
			case s := <-received:
				if before, known := last[s]; known && time.Since(before) < Window {
					continue
				}
				if s == os.Interrupt || s == syscall.SIGTERM || s == syscall.SIGHUP {
					last[s] = time.Now()
				}
				select {
				case out <- s:
				case <-done:
					return
				}
			case <-done:
				return
			}
		}
	}()
	return out, sync.OnceFunc(func() {
		close(done)
		<-ended
	})
}
