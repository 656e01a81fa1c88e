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
	widths, total := widthsOf(header, rows)
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

// widthsOf returns the width of each column, and that of the table.
func widthsOf(header []string, rows [][]string) (widths []int, total int) {
	widths = Layout(nil).Fit(append([][]string{header}, rows...)...)
	for _, w := range widths {
		total += w + Gap
	}
	return widths, total - Gap
}

// shorten cuts a text to so many characters.
func shorten(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + ellipsis
}
