package main

import (
	golog "log"
	"os"
	"testing"
	"time"

	"github.com/coredns/caddy"
	clog "github.com/coredns/coredns/plugin/pkg/log"
)

// TestLogThatBlocks: whoever logs doesn't wait for a reader.
func TestLogThatBlocks(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before, exits := golog.Writer(), caddy.OnProcessExit
	t.Cleanup(func() {
		clog.SetOutput(before)
		caddy.OnProcessExit = exits
	})
	clog.SetOutput(w)
	queueLog()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10_000 { // ten times what a pipe has room for
			clog.Info("a line of some length, as logs have: xxxxxxxxxxxxxxxxxxxxxxxxxxx")
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("the caller waits for the reader")
	}
	if err := r.Close(); err != nil { // ends the write under way
		t.Error(err)
	}
	<-done
	for _, fn := range caddy.OnProcessExit[len(exits):] {
		fn()
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
