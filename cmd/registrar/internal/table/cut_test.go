package table_test

import (
	"strings"
	"testing"

	"github.com/rosterdns/roster/cmd/registrar/internal/table"
)

func TestCut(t *testing.T) {
	t.Parallel()
	header := []string{"ID", "TAGS", "METADATA"}
	rows := [][]string{{"a", "short", "a=" + strings.Repeat("ä", 40)}, {"an-id-that-is-not-cut", "b,c", "-"}}
	for _, tt := range []struct {
		width int
		want  string // of METADATA of the first row
	}{
		{0, rows[0][2]},
		{80, rows[0][2]},
		{60, "a=" + strings.Repeat("ä", 27) + "…"},
		{20, "a=" + strings.Repeat("ä", 17) + "…"},
	} {
		got := table.Cut(tt.width, header, rows, []string{"TAGS", "METADATA"})
		if got[0][2] != tt.want || got[1][0] != rows[1][0] || got[0][1] != "short" {
			t.Errorf("width %d: %q, want %q", tt.width, got, tt.want)
		}
	}
	if len(rows[0][2]) != 82 {
		t.Error("the rows have changed")
	}
}
