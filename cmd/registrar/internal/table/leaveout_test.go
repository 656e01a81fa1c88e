package table_test

import (
	"strings"
	"testing"

	"github.com/rosterdns/roster/cmd/registrar/internal/table"
)

func TestLeaveOut(t *testing.T) {
	t.Parallel()
	header := []string{"ID", "WEIGHT", "TAGS", "TTL"}
	rows := [][]string{{"a", "100", "", ""}, {"b", "100", "x", ""}}
	defaults := []table.Default{{Header: "TTL"}, {Header: "TAGS"}, {Header: "NONE"}, {Header: "WEIGHT", Value: "100"}}
	for _, tt := range []struct {
		width int
		want  string // of the header, and of the last row
	}{
		{0, "ID WEIGHT TAGS TTL; b 100 x "},
		{21, "ID WEIGHT TAGS TTL; b 100 x "},
		{20, "ID WEIGHT TAGS; b 100 x"},
		{16, "ID WEIGHT TAGS; b 100 x"},
		{15, "ID TAGS; b x"},
		{1, "ID TAGS; b x"}, // a tag says something
	} {
		h, r := table.LeaveOut(tt.width, header, rows, defaults)
		if got := strings.Join(h, " ") + "; " + strings.Join(r[1], " "); got != tt.want {
			t.Errorf("width %d: %q, want %q", tt.width, got, tt.want)
		}
	}
	if strings.Join(header, " ") != "ID WEIGHT TAGS TTL" || strings.Join(rows[1], " ") != "b 100 x " {
		t.Error("what it was given has changed")
	}
}
