package services

import (
	"strings"
	"testing"

	"github.com/rosterdns/roster/internal/mirror"
)

// maxLine bounds a line of the log, whatever is in etcd: the longest key with
// each byte escaped, and an error that quotes a part of each member.
const maxLine = 4096

// TestSkipLog checks that what is skipped is logged once, on one line of bounded
// length, with its key quoted and the reason.
func TestSkipLog(t *testing.T) {
	t.Parallel()
	hostile := strings.Repeat("\x00\n\"\\\u2028\x1b[31m", 5000)
	tests := []struct {
		name  string
		ev    mirror.Event
		parts []string
	}{
		{"value", put(5, "n/s/a", `{"addresses":["x"]}`), []string{"key=n/s/a ", "revision=5", "reason=value", `addresses[0] \"x\" is not an IP address`}},
		{"lease", putWithoutLease(6, "n/s/a", value(1, "")), []string{"key=n/s/a ", "revision=6", "reason=lease", "no lease"}},
		{"override", put(7, "n/s/_status/a", "?"), []string{"key=n/s/_status/a ", "revision=7", "reason=override"}},
		{"policy", put(7, "n/s/_policy", `{"alias":"n/s"}`), []string{"key=n/s/_policy ", "revision=7", "reason=policy", "counts as absent", "the service itself"}},
		{"key", put(8, "n/s/A", value(1, "")), []string{"key=n/s/A ", "revision=8", "reason=key", "DNS label"}},
		{"hostile key", put(9, "n/s/"+hostile, value(1, "")), []string{`key="n/s/\x00\n\"`, "revision=9", "reason=key"}},
		{"hostile value", put(10, "n/s/a", hostile), []string{"reason=value"}},
		{"hostile members", put(11, "n/s/a", `{"addresses":["`+strings.Repeat("x", 60_000)+`"]}`), []string{"reason=value"}},
		{"hostile names", put(12, "n/s/a", `{"addresses":["10.0.0.7"],"locality":"`+strings.Repeat("X", 20_000)+`","tags":["`+strings.Repeat("Y", 20_000)+`"],"ports":[{"port":1,"name":"`+strings.Repeat("Z", 20_000)+`"}]}`), []string{"reason=value", "locality", "tags", "ports"}},
		{"hostile size", put(13, "n/s/a", strings.Repeat("[", 1<<20)), []string{"reason=value"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, sk := newStore(t)
			apply(s, batch(tt.ev))
			apply(s, commit{Revision: 100})
			lines := sk.lines()
			if len(lines) != 1 {
				t.Fatalf("%d lines, want 1:\n%s", len(lines), strings.Join(lines, ""))
			}
			if len(lines[0]) > maxLine {
				t.Errorf("a line of %d bytes", len(lines[0]))
			}
			if strings.ContainsFunc(strings.TrimSuffix(lines[0], "\n"), func(r rune) bool { return r < ' ' || r == '\u2028' }) {
				t.Errorf("control characters in %q", lines[0])
			}
			for _, part := range append(tt.parts, "level=WARN") {
				if !strings.Contains(lines[0], part) {
					t.Errorf("%q lacks %q", lines[0], part)
				}
			}
		})
	}
}

func TestDeletionsAreNotSkips(t *testing.T) {
	t.Parallel()
	s, sk := newStore(t)
	apply(s, batch(del(2, "no key"), del(3, "n/s/a"), del(4, "n/s/_status/a"), del(5, "n/s/_status/A"), del(6, "n/s/_policy"), del(7, "n/S/_policy")))
	if len(sk.counts) > 0 || len(sk.lines()) > 0 {
		t.Errorf("skipped %v, logged %q", sk.counts, sk.lines())
	}
}

func TestNilOnSkip(t *testing.T) {
	t.Parallel()
	with, sk := newStore(t)
	s := New(with.log, nil)
	apply(s, batch(put(2, "n/s/a", "?")))
	if len(sk.lines()) != 1 {
		t.Errorf("logged %q, want one line", sk.lines())
	}
}
