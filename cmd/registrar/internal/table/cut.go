package table

import (
	"slices"
	"unicode/utf8"
)

const (
	// leastCut is the width below which a value tells nothing any more: an address, or a
	// port with its name, has room.
	leastCut = 20
	ellipsis = "…"
)

// Cut cuts long values of the columns with some headers, with an ellipsis, until lines of
// a width in characters have room for the table, or nothing is left that can be cut. A
// width of 0 has room for everything. The rows that it is given stay as they are.
func Cut(width int, header []string, rows [][]string, cuttable []string) [][]string {
	widths := make([]int, len(header))
	total := -Gap
	for i := range header {
		for _, row := range append([][]string{header}, rows...) {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i] + Gap
	}
	if width == 0 || total <= width {
		return rows
	}
	for ; total > width; total-- {
		widest := -1
		for i, name := range header {
			if slices.Contains(cuttable, name) && widths[i] > leastCut && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	cut := make([][]string, len(rows))
	for i, row := range rows {
		for j, cell := range row {
			cut[i] = append(cut[i], shorten(cell, widths[j]))
		}
	}
	return cut
}

// shorten cuts a text to so many characters.
func shorten(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + ellipsis
}
