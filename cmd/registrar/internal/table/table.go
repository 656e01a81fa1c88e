// Package table lays out columns of text for people.
package table

import (
	"strings"
	"unicode/utf8"
)

// Gap is the number of spaces between columns.
const Gap = 2

// none stands for an empty cell, so that each line has as many fields as its header.
const none = "-"

// Layout has the width of each column, in characters.
type Layout []int

// Fit returns the layout with its columns made wide enough for more rows. The zero
// Layout has no columns.
func (l Layout) Fit(rows ...[]string) Layout {
	fitted := append(Layout(nil), l...)
	for _, row := range rows {
		for i, cell := range row {
			if i == len(fitted) {
				fitted = append(fitted, len(none))
			}
			fitted[i] = max(fitted[i], utf8.RuneCountInString(cell))
		}
	}
	return fitted
}

// Paint returns a cell of a column with what changes how a terminal shows it. It must
// not change its width.
type Paint func(column int, cell string) string

// Line returns a row as a line without a line feed. Paint can be nil.
func (l Layout) Line(row []string, paint Paint) string {
	var b strings.Builder
	for i, cell := range row {
		if cell == "" {
			cell = none
		}
		padding := max(l[i]-utf8.RuneCountInString(cell), 0) + Gap
		if paint != nil {
			cell = paint(i, cell)
		}
		b.WriteString(cell)
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", padding))
		}
	}
	return b.String()
}
