package table

import (
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{3, 1}, 2},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := Median(tt.values); got != tt.want {
			t.Errorf("Median(%v) = %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{
		0: "0", 0.0012345: "0.0012", 0.9: "0.90", 1.2345: "1.23", 12.345: "12.3", 123.45: "123", 1139: "1,139", 1234567.8: "1,234,568", -123456: "-123,456",
	} {
		if got := Number(value); got != want {
			t.Errorf("Number(%v) = %s, want %s", value, got, want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	err := Markdown(&b, []Result{
		{Row: Row{"chain/A/file", "A", "x file", AtMost(0.5)}, Values: []float64{0.6, 0.4, 0.45}},
		{Row: Row{"cpu/file/A", "CPU of file", "µs", nil}, Values: []float64{1234}},
		{Row: Row{"cpu/none", "nothing", "µs", nil}},
		{Row: Row{"changes", "queries", "x idle", AtLeast(0.9)}, Values: []float64{0.8, 0.9}},
		{Row: Row{"fastpath", "fast", "x NSD", AtMost(1)}, Missing: "not built"},
	})
	const want = `| Row | What | Bar | Median | Spread | Result |
|---|---|---|---|---|---|
| chain/A/file | A | ≤ 0.50 x file | 0.45 x file | 0.40 to 0.60 | pass |
| changes | queries | ≥ 0.90 x idle | 0.85 x idle | 0.80 to 0.90 | **miss** |
| fastpath | fast | ≤ 1.00 x NSD |  |  | not built |

| Row | Figure | Median | Spread |
|---|---|---|---|
| cpu/file/A | CPU of file | 1,234 µs |  |

`
	if err != nil || b.String() != want {
		t.Errorf("%v; got\n%s\nwant\n%s", err, b.String(), want)
	}
}

func TestInsert(t *testing.T) {
	t.Parallel()
	got, err := Insert("# Title\n\n"+Begin+"old\n"+End+"\nafter\n", "new\n\n")
	if want := "# Title\n\n" + Begin + "\nnew\n\n" + End + "\nafter\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	for _, document := range []string{"", Begin, End + Begin} {
		if got, err := Insert(document, "new"); err == nil {
			t.Errorf("Insert(%q): %q, want an error", document, got)
		}
	}
}
