// Package terminal knows what is shown on a terminal in another way than elsewhere.
package terminal

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/rosterdns/roster/catalog"
)

// IsTerminal reports whether what is written is shown on a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width returns how many characters a line has on the terminal that w is; 0 if it is none.
func Width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Style is how text is shown. The zero value shows it as it is.
type Style struct{ colours bool }

// StyleOf returns the style of an output: with colours on a terminal that has them,
// unless the variable NO_COLOR is set (no-color.org).
func StyleOf(w io.Writer) Style {
	return Style{colours: IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// SGR sequences (ECMA-48, 8.3.117).
const (
	reset  = "\x1b[m"
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
)

// Status colours the status of an instance: green where it takes work, yellow where it
// finishes what it has, red where it does not work or is gone.
func (s Style) Status(status string) string {
	switch catalog.Status(status) {
	case catalog.StatusUp:
		return s.sgr(green, status)
	case catalog.StatusDraining:
		return s.sgr(yellow, status)
	default:
		return s.sgr(red, status)
	}
}

// Warning shows what needs attention.
func (s Style) Warning(text string) string { return s.sgr(red, text) }

// Bold shows what is new.
func (s Style) Bold(text string) string { return s.sgr(bold, text) }

func (s Style) sgr(sequence, text string) string {
	if !s.colours || text == "" {
		return text
	}
	return sequence + text + reset
}
