package terminal

import "strings"

const escape = '\x1b'

// Cut returns as much of a line as a terminal of a width shows in one row. What Style
// has added takes no room; whatever it has begun is ended.
func Cut(line string, width int) string {
	shown, sequence, styled := 0, false, false
	for i, r := range line {
		switch {
		case r == escape:
			sequence, styled = true, true
		case sequence:
			sequence = r != 'm'
		case shown == width:
			if styled {
				return line[:i] + reset
			}
			return line[:i]
		default:
			shown++
		}
	}
	return strings.TrimRight(line, " ")
}
