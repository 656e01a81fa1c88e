package main

import (
	"io"
	"os"
	"slices"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/rosterdns/roster/cmd/registrar/internal/table"
)

// terminalWidth returns how many characters a line has on the terminal that w is; 0 if it
// is none.
func terminalWidth(w io.Writer) int {
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

// cuttable are the columns whose values can be long, and are for reading rather than for
// pasting into another command.
var cuttable = []string{"ADDRESS", "PORTS", "TAGS", "METADATA", "FAILOVER", "REASON", "ERROR"}

const (
	// leastCut is the width below which a value tells nothing any more: an address, or a
	// port with its name, has room.
	leastCut = 20
	ellipsis = "…"
)

// fit cuts long values, with an ellipsis, until lines of a width have room for the
// table, or nothing is left that can be cut.
func fit(width int, header []string, rows [][]string) [][]string {
	widths := make([]int, len(header))
	total := -table.Gap
	for i := range header {
		for _, row := range append([][]string{header}, rows...) {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i] + table.Gap
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
