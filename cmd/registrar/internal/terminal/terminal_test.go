package terminal

import (
	"bytes"
	"testing"
)

func TestStyle(t *testing.T) {
	t.Parallel()
	on, off := Style{colours: true}, Style{}
	for _, c := range []struct{ status, want string }{
		{"up", "\x1b[32mup\x1b[m"},
		{"draining", "\x1b[33mdraining\x1b[m"},
		{"down", "\x1b[31mdown\x1b[m"},
		{"removed", "\x1b[31mremoved\x1b[m"},
		{"", ""},
	} {
		if got := on.Status(c.status); got != c.want {
			t.Errorf("status %q is shown as %q, want %q", c.status, got, c.want)
		}
		if got := off.Status(c.status); got != c.status {
			t.Errorf("without colours status %q is shown as %q", c.status, got)
		}
	}
	if got, want := on.Warning("a")+on.Bold("b"), "\x1b[31ma\x1b[m\x1b[1mb\x1b[m"; got != want {
		t.Errorf("a warning and bold text are shown as %q, want %q", got, want)
	}
}

func TestNoTerminal(t *testing.T) {
	t.Parallel()
	if w := new(bytes.Buffer); IsTerminal(w) || StyleOf(w).colours {
		t.Error("a buffer counts as a terminal, or has colours")
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line  string
		width int
		want  string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"äöü", 2, "äö"},
		{"a  ", 9, "a"},
		{"", 0, ""},
		{"a\x1b[32mup\x1b[mb", 4, "a\x1b[32mup\x1b[mb"},
		{"a\x1b[32mup\x1b[mb", 3, "a\x1b[32mup\x1b[m\x1b[m"},
		{"a\x1b[32mup\x1b[mb", 2, "a\x1b[32mu\x1b[m"},
	} {
		if got := Cut(c.line, c.width); got != c.want {
			t.Errorf("%q cut to %d is %q, want %q", c.line, c.width, got, c.want)
		}
	}
}
