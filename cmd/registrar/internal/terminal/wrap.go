package terminal

import (
	"strings"
	"unicode/utf8"
)

// Wrap returns a text in lines of at most width characters, broken between words; all but
// the first are indented. A word that is longer has a line of its own. A width of 0 has
// room for everything.
func Wrap(text string, width, indent int) string {
	var b strings.Builder
	room := width
	for i, word := range strings.Split(text, " ") {
		length := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case width == 0 || length < room:
			b.WriteByte(' ')
			room--
		default:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			room = width - indent
		}
		b.WriteString(word)
		room -= length
	}
	return b.String()
}
