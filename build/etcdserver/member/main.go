// Package member runs one etcd in a process of its own, for a parent that starts and supervises it: the same binary as the
// parent's, started with Arg. The parent sends an Order to its standard input, and the word stop when it is to end; if the
// input ends, the parent is gone, and so is the process at once. What happens to the etcd it writes to its standard output,
// as one Event in JSON a line. What it writes to its standard error is from the Go runtime, as it crashes.
package member

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// Arg is the only argument of the process.
const Arg = "run-etcd"

const exitFailed = 1

// IsMember reports whether this process is to run an etcd. It is asked before flags are parsed.
func IsMember() bool { return len(os.Args) == 2 && os.Args[1] == Arg }

// Main is the process, if IsMember. It returns the exit code.
func Main() int {
	events := os.Stdout
	os.Stdout = os.Stderr // what anybody prints is no event
	input := json.NewDecoder(os.Stdin)
	var order Order
	if err := input.Decode(&order); err != nil {
		fmt.Fprintf(os.Stderr, "%s is for coredns itself, to start the etcd of the directive etcdserver: %v\n", Arg, err)
		return exitFailed
	}
	nameProcess()
	ignoreSignals()
	if err := followParent(order.Parent); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go listen(input, stop) // for as long as the process

	to := newReporter(events)
	if err := run(ctx, order, to); err != nil {
		to.fail(err.Error())
		return exitFailed
	}
	return 0
}

// listen waits for the parent's word. Once the parent is gone it ends the process, however busy that is: etcd recovers as
// after a crash, and its folder is free for the next one.
func listen(input *json.Decoder, stop context.CancelFunc) {
	var word string
	for input.Decode(&word) == nil {
		stop() // there is no other word
	}
	os.Exit(exitFailed)
}
