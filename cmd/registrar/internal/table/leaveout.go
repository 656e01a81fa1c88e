package table

import "slices"

// Default is the value of a column that goes without saying.
type Default struct{ Header, Value string }

// LeaveOut leaves out columns that have their default in each row, those that come first
// in defaults first, until lines of a width in characters have room for the table, or no
// such column is left. A width of 0 has room for everything. What it is given stays as it
// is.
func LeaveOut(width int, header []string, rows [][]string, defaults []Default) (leftHeader []string, leftRows [][]string) {
	for _, d := range defaults {
		if _, total := widthsOf(header, rows); width == 0 || total <= width {
			break
		}
		i := slices.Index(header, d.Header)
		if i < 0 || slices.ContainsFunc(rows, func(row []string) bool { return row[i] != d.Value }) {
			continue
		}
		header = without(header, i)
		left := make([][]string, len(rows))
		for j, row := range rows {
			left[j] = without(row, i)
		}
		rows = left
	}
	return header, rows
}

// without returns a row without one of its cells.
func without(row []string, i int) []string { return slices.Delete(slices.Clone(row), i, i+1) }
