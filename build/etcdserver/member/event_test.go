package member

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestReporterWritesLines writes an event a line, in order, and none after why the process fails.
func TestReporterWritesLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := newReporter(&out)
	r.report(Event{Kind: Serving})
	r.Warningf("a\n%q", "b")
	r.fail("why")
	r.fail("a consequence")
	r.Errorf("another")
	decoder := json.NewDecoder(&out)
	for _, want := range []Event{{Kind: Serving}, {Kind: Warning, Text: "a\n\"b\""}, {Kind: Failed, Text: "why"}} {
		var got Event
		if err := decoder.Decode(&got); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	if decoder.More() {
		t.Error("there is more")
	}
}
