package terminal_test

import (
	"testing"

	"github.com/rosterdns/roster/cmd/registrar/internal/terminal"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"ok    as it is", 0, "ok    as it is"},
		{"ok    as it is", 14, "ok    as it is"},
		{"ok    as it is", 13, "ok    as it\n      is"},
		{"ok    ä ö é x", 11, "ok    ä ö é\n      x"},
		{"ok    aword-that-is-long b", 12, "ok   \n      aword-that-is-long\n      b"},
		{"", 5, ""},
	} {
		if got := terminal.Wrap(tt.text, tt.width, 6); got != tt.want {
			t.Errorf("Wrap(%q, %d) = %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}
