package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/rosterdns/roster/test/bench/table"
)

// results are the figures of rows by their IDs.
type results map[string]figures

// readResults reads what earlier runs wrote; "" is no file, and an absent one is empty.
func readResults(path string) (results, error) {
	r := results{}
	if path == "" {
		return r, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	return r, nil
}

// write writes all results; "" is no file.
func (r results) write(path string) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// tables writes the rows that have results, as a table for each scenario.
func tables(of []scenario, r results) string {
	var b strings.Builder
	for _, s := range of {
		if lines := s.lines(r); len(lines) > 0 {
			fmt.Fprintf(&b, "**%s**\n\n| Row |%s\n|---|%s\n%s\n", s.title, s.header(), strings.Repeat("---|", len(s.columns)), strings.Join(lines, ""))
		}
	}
	return b.String()
}

func (s *scenario) lines(r results) (lines []string) {
	for _, row := range s.rows {
		if f, ok := r[row.ID]; ok {
			lines = append(lines, "| "+row.ID+" | "+strings.Join(s.cells(f), " | ")+" |\n")
		}
	}
	return lines
}

func (s *scenario) header() string {
	var b strings.Builder
	for _, c := range s.columns {
		b.WriteString(" " + c.title + " |")
	}
	return b.String()
}

// cells are the figures in the order of the columns; "" where there is none.
func (s *scenario) cells(f figures) []string {
	cells := make([]string, 0, len(s.columns))
	for _, c := range s.columns {
		cell := ""
		if value, ok := f[c.key]; ok {
			cell = table.Number(value)
		}
		cells = append(cells, cell)
	}
	return cells
}
