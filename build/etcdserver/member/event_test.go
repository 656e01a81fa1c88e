package member

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
)

// TestReporterWritesLines writes an event a line, in order, and none after why the process fails.
func TestReporterWritesLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := newReporter(&out)
	r.tell(Serving)
	r.Warningf("a\n%q", "b")
	r.fail("why")
	r.fail("a consequence")
	decoder := json.NewDecoder(&out)
	for _, want := range []Event{{Kind: Serving}, {Kind: Log, Level: Warning, Text: "a\n\"b\""}, {Kind: Failed, Text: "why"}} {
		var got Event
		if err := decoder.Decode(&got); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	if decoder.More() {
		t.Error("there is more")
	}
}

// TestReporterDrops has a parent that doesn't read: nobody waits for it, and what it misses is counted.
func TestReporterDrops(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	r := newReporter(out)
	const n = 3 * waiting
	for range n {
		r.Errorf("disk full")
	}
	go func() {
		r.close()
		out.Close()
	}()
	read, dropped, decoder := 0, 0, json.NewDecoder(in)
	for {
		var event Event
		if err := decoder.Decode(&event); err != nil {
			break
		}
		read++
		dropped += int(event.Dropped)
	}
	if read < waiting || read > waiting+1 || read+dropped != n {
		t.Errorf("%d read, %d dropped, want %d together", read, dropped, n)
	}
}
