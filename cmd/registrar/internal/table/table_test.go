package table_test

import (
	"strings"
	"testing"

	"github.com/rosterdns/roster/cmd/registrar/internal/table"
)

func TestLine(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"ID", "STATUS", "TAGS"}, {"a", "up", ""}, {"bücher", "", "x"}}
	layout := table.Layout(nil).Fit(rows...)
	upper := func(column int, cell string) string {
		if column == 1 {
			return "<" + strings.ToUpper(cell) + ">"
		}
		return cell
	}
	for _, c := range []struct {
		row   []string
		paint table.Paint
		want  string
	}{
		{rows[0], nil, "ID      STATUS  TAGS"},
		{rows[1], nil, "a       up      -"},
		{rows[2], nil, "bücher  -       x"},
		{rows[1], upper, "a       <UP>      -"}, // as wide as without
		{[]string{"longer than the column", "up", "x"}, nil, "longer than the column  up      x"},
	} {
		if got := layout.Line(c.row, c.paint); got != c.want {
			t.Errorf("%q is %q, want %q", c.row, got, c.want)
		}
	}
}

// TestFitGrows: lines that come later are aligned with the earlier ones where they can be.
func TestFitGrows(t *testing.T) {
	t.Parallel()
	first := table.Layout(nil).Fit([]string{"ID", "STATUS"})
	second := first.Fit([]string{"abc", "up"})
	if got, want := second.Line([]string{"b", "up"}, nil), "b    up"; got != want {
		t.Errorf("the line is %q, want %q", got, want)
	}
	if got, want := first.Line([]string{"b", "up"}, nil), "b   up"; got != want {
		t.Errorf("a line of the first layout is %q after Fit, want %q", got, want)
	}
}
