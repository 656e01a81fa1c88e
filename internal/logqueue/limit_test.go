package logqueue_test

import (
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/logqueue"
)

func TestLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got []string
		log := slog.New(logqueue.Limit(recorder{fn: func(text string) { got = append(got, text) }}))
		other := log.With("a", "b")
		for range 3 {
			log.Info("bad", "key", "x")
			other.Info("bad", "key", "x") // the same key of the same process
			log.Info("bad", "key", "y")
			log.Info("worse", "key", "x")
			log.Info("no key", "n", 1)
			time.Sleep(time.Second)
		}
		want := []string{"bad key=x", "bad key=y", "worse key=x", "no key n=1", "no key n=1", "no key n=1"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		got = nil
		time.Sleep(time.Minute)
		other.Info("bad", "key", "x")
		log.Info("bad", "key", "y")
		if want := []string{"[a=b] bad key=x suppressed=5", "bad key=y suppressed=2"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestLimitOfManyKeys: memory is bounded, and what that leaves out is counted.
func TestLimitOfManyKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got []string
		log := slog.New(logqueue.Limit(recorder{fn: func(text string) { got = append(got, text) }}))
		for i := range 3000 {
			log.Info("bad", "key", strconv.Itoa(i))
		}
		if len(got) != 1024 {
			t.Errorf("%d lines, want 1024", len(got))
		}
		time.Sleep(time.Minute)
		log.Info("bad", "key", "new")
		if last := got[len(got)-1]; last != "bad key=new suppressed=1976" {
			t.Errorf("the last line is %q", last)
		}
	})
}
