package table

import (
	"fmt"
	"slices"
)

// Bar is what a median must meet.
type Bar struct {
	Limit float64
	// AtLeast makes Limit the lowest value that meets the bar, else it is the highest.
	AtLeast bool
}

// AtMost is a bar with a highest value.
func AtMost(limit float64) *Bar { return &Bar{Limit: limit} }

// AtLeast is a bar with a lowest value.
func AtLeast(limit float64) *Bar { return &Bar{Limit: limit, AtLeast: true} }

// Met reports whether a value meets the bar.
func (b *Bar) Met(value float64) bool {
	if b.AtLeast {
		return value >= b.Limit
	}
	return value <= b.Limit
}

// Row is a line of the table.
type Row struct {
	// ID is a path for the flag -rows, such as "chain/A/file".
	ID string
	// What describes the value, which is in Unit; the unit of a ratio is "x" and what
	// it is a multiple of.
	What, Unit string
	// Bar is nil for a figure that has none.
	Bar *Bar
}

// Result is a row with what was measured.
type Result struct {
	Row
	// Values has one of each round.
	Values []float64
	// Missing says why there is none.
	Missing string
}

// The verdicts on a result.
const (
	Pass = "pass"
	Miss = "**miss**"
)

// Verdict is Pass, Miss, or why there is neither.
func (r *Result) Verdict() string {
	switch {
	case r.Missing != "":
		return r.Missing
	case len(r.Values) == 0:
		return "not measured"
	case r.Bar == nil:
		return ""
	case r.Bar.Met(Median(r.Values)):
		return Pass
	}
	return Miss
}

// Median returns the middle of the values, or of an even number the mean of the
// two in the middle. There must be one.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Number is a value with three significant digits or all before the point.
func Number(value float64) string {
	switch {
	case value == 0:
		return "0"
	case value >= 1000 || value <= -1000:
		return grouped(value)
	case value >= 100 || value <= -100:
		return fmt.Sprintf("%.0f", value)
	case value >= 10 || value <= -10:
		return fmt.Sprintf("%.1f", value)
	case value >= 0.01 || value <= -0.01:
		return fmt.Sprintf("%.2f", value)
	}
	return fmt.Sprintf("%.2g", value)
}

// grouped writes a number without a fraction, with a comma before each three digits.
func grouped(value float64) string {
	text := fmt.Sprintf("%.0f", value)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
