package table

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Markdown writes the results: those with a bar as one table, then the others.
func Markdown(w io.Writer, results []Result) error {
	var b bytes.Buffer
	bars, figures := split(results)
	if len(bars) > 0 {
		b.WriteString("| Row | What | Bar | Median | Spread | Result |\n|---|---|---|---|---|---|\n")
		for _, r := range bars {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.ID, r.What, bar(&r), median(&r), spread(&r), r.Verdict())
		}
		b.WriteString("\n")
	}
	if len(figures) > 0 {
		b.WriteString("| Row | Figure | Median | Spread |\n|---|---|---|---|\n")
		for _, r := range figures {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.ID, r.What, median(&r), spread(&r))
		}
		b.WriteString("\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// split separates results with a bar from figures that were measured.
func split(results []Result) (bars, figures []Result) {
	for _, r := range results {
		switch {
		case r.Bar != nil:
			bars = append(bars, r)
		case len(r.Values) > 0:
			figures = append(figures, r)
		}
	}
	return bars, figures
}

func bar(r *Result) string {
	sign := "≤"
	if r.Bar.AtLeast {
		sign = "≥"
	}
	return sign + " " + Number(r.Bar.Limit) + " " + r.Unit
}

func median(r *Result) string {
	if len(r.Values) == 0 {
		return ""
	}
	return Number(Median(r.Values)) + " " + r.Unit
}

func spread(r *Result) string {
	if len(r.Values) < 2 {
		return ""
	}
	return Number(slices.Min(r.Values)) + " to " + Number(slices.Max(r.Values))
}

// The lines of a document between which a table stands.
const (
	Begin = "<!-- make bench: begin -->\n"
	End   = "<!-- make bench: end -->\n"
)

// Insert returns a document with text in place of what stands between Begin and End.
func Insert(document, text string) (string, error) { return InsertBetween(document, Begin, End, text) }

// InsertBetween returns a document with text in place of what stands between two lines.
func InsertBetween(document, begin, end, text string) (string, error) {
	before, rest, found := strings.Cut(document, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", fmt.Errorf("the lines %q and %q are not there", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + "\n" + strings.TrimSpace(text) + "\n\n" + end + after, nil
}
