package terminal

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// The size of a terminal that doesn't tell its own.
const (
	defaultWidth  = 80
	defaultHeight = 24
)

// Control sequences (ECMA-48, and the private modes of xterm that all terminals in use
// have).
const (
	enter     = "\x1b[?1049h\x1b[?25l" // the alternate screen, without a cursor
	leave     = "\x1b[?25h\x1b[?1049l"
	home      = "\x1b[H"
	eraseLine = "\x1b[K" // from the cursor on
	eraseDown = "\x1b[J"
)

// Screen is a terminal that is drawn on in place. What it showed before comes back with
// Leave.
type Screen struct{ file *os.File }

// ScreenOf returns the screen of an output; it reports false where that is none, or
// can't be drawn on.
func ScreenOf(w io.Writer) (*Screen, bool) {
	f, ok := w.(*os.File)
	if !ok || !IsTerminal(f) || os.Getenv("TERM") == "dumb" {
		return nil, false
	}
	return &Screen{f}, true
}

// Enter starts to draw.
func (s *Screen) Enter() error { return s.write(enter) }

// Leave gives the terminal back as it was.
func (s *Screen) Leave() error { return s.write(leave) }

// Size returns the number of columns and rows.
func (s *Screen) Size() (width, height int) {
	width, height, err := term.GetSize(int(s.file.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return defaultWidth, defaultHeight
	}
	return width, height
}

// Draw shows lines, which fit the size, in place of what is shown.
func (s *Screen) Draw(lines []string) error {
	return s.write(home + strings.Join(lines, eraseLine+"\r\n") + eraseLine + eraseDown)
}

func (s *Screen) write(text string) error {
	_, err := io.WriteString(s.file, text)
	return err
}
