package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/document"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/cmd/registrar/internal/table"
	"github.com/rosterdns/roster/cmd/registrar/internal/terminal"
	"github.com/rosterdns/roster/registrar"
)

// format is a form of output.
type format string

// The forms of output.
const (
	formatTable format = "table" // for people
	formatWide  format = "wide"  // table with more columns
	formatJSON  format = "json"  // indented
	formatJSONL format = "jsonl" // one line a service
	formatYAML  format = "yaml"
	formatName  format = "name" // names alone, one a line
)

var formats = []format{formatTable, formatWide, formatJSON, formatJSONL, formatYAML, formatName}

// String implements pflag.Value.
func (f *format) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *format) Type() string { return "format" }

// Set implements pflag.Value.
func (f *format) Set(s string) error {
	if !slices.Contains(formats, format(s)) {
		return fmt.Errorf("must be one of %s", formatNames(", "))
	}
	*f = format(s)
	return nil
}

func formatNames(separator string) string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = string(f)
	}
	return strings.Join(names, separator)
}

// isTable reports whether the format is for people.
func (f format) isTable() bool { return f == formatTable || f == formatWide }

// writeData writes a value in one of the formats for programs other than
// formatName. Of a slice, jsonl writes one line an element.
func writeData[T any](w io.Writer, f format, v T) error {
	switch f {
	case formatJSONL:
		return encodeJSON(w, v, "")
	case formatYAML:
		var b bytes.Buffer
		if err := encodeJSON(&b, v, ""); err != nil {
			return err
		}
		return document.WriteYAML(w, b.Bytes())
	default:
		return encodeJSON(w, v, "  ")
	}
}

func encodeJSON(w io.Writer, v any, indent string) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}

// writeService writes a service in any format.
func writeService(w io.Writer, f format, s *registrar.Service) error {
	switch f {
	case formatTable, formatWide:
		return writeInstances(w, f == formatWide, s.Instances)
	case formatName:
		for _, in := range s.Instances {
			if _, err := fmt.Fprintln(w, in.ID); err != nil {
				return err
			}
		}
		return nil
	default:
		return writeData(w, f, s)
	}
}

func writeInstances(w io.Writer, wide bool, instances []registrar.Instance) error {
	rows := make([][]string, len(instances))
	for i := range instances {
		rows[i] = instanceRow(&instances[i], wide)
	}
	header := instanceHeader(wide)
	if wide {
		header, rows = table.LeaveOut(terminal.Width(w), header, rows, instanceDefaults)
	}
	return writeTable(w, header, rows)
}

// instanceDefaults are what most instances have: these columns are left out where a
// terminal has no room for them.
var instanceDefaults = []table.Default{
	{Header: "TTL"},
	{Header: "METADATA"},
	{Header: "TAGS"},
	{Header: "LOCALITY"},
	{Header: "PRIO", Value: "0"},
	{Header: "WEIGHT", Value: strconv.Itoa(catalog.DefaultWeight)},
}

func instanceHeader(wide bool) []string {
	header := []string{"ID", "ADDRESS", "PORTS", statusHeader, "WEIGHT", "PRIO"}
	if wide {
		header = append(header, "LOCALITY", "TAGS", "METADATA", "TTL", "KIND")
	}
	return header
}

func instanceRow(in *registrar.Instance, wide bool) []string {
	ports := make([]string, len(in.Ports))
	for i, p := range in.Ports {
		ports[i] = formatPort(p)
	}
	row := []string{
		in.ID, where(in), strings.Join(ports, ","), string(in.Status),
		strconv.Itoa(int(in.Weight)), strconv.Itoa(int(in.Priority)),
	}
	if !wide {
		return row
	}
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(in.Metadata)) {
		pairs = append(pairs, quoteForeign(k+"="+in.Metadata[k]))
	}
	ttl := ""
	if in.TTL != 0 {
		ttl = strconv.FormatUint(uint64(in.TTL), 10)
	}
	return append(row, in.Locality, strings.Join(in.Tags, ","), strings.Join(pairs, ","), ttl, inspect.KindOf(in))
}

// where returns the host or the addresses of an instance.
func where(in *registrar.Instance) string {
	if in.Host != "" {
		return in.Host
	}
	addresses := make([]string, len(in.Addresses))
	for i, a := range in.Addresses {
		addresses[i] = a.String()
	}
	return strings.Join(addresses, ",")
}

// describe says where an instance is, as in "10.0.0.7, http:8080/tcp".
func describe(in *registrar.Instance) string {
	parts := []string{where(in)}
	for _, p := range in.Ports {
		parts = append(parts, formatPort(p))
	}
	return strings.Join(parts, ", ")
}

// quoteForeign quotes text that could be mistaken for something else in a
// table: with separators, quotes, or what a terminal would act on.
func quoteForeign(s string) string {
	if strings.ContainsAny(s, " ,\"\\") || strings.ContainsFunc(s, unprintable) {
		return strconv.Quote(s)
	}
	return s
}

// cuttable are the columns whose values can be long, and are for reading rather than for
// pasting into another command.
var cuttable = []string{"ADDRESS", "PORTS", "TAGS", "METADATA", "FAILOVER", "REASON", "ERROR"}

// writeTable writes columns that are as wide as they need to be, or as a terminal has
// room for; "-" stands for nothing.
func writeTable(w io.Writer, header []string, rows [][]string) error {
	rows = append([][]string{header}, table.Cut(terminal.Width(w), header, rows, cuttable)...)
	layout, paint := table.Layout(nil).Fit(rows...), statusPaint(w, header)
	var b bytes.Buffer // at once, so that no message comes between two rows
	for _, row := range rows {
		fmt.Fprintln(&b, layout.Line(row, paint))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// statusHeader is the header of the columns that have colours.
const statusHeader = "STATUS"

// statusPaint colours the status of instances where the output has colours.
func statusPaint(w io.Writer, header []string) table.Paint {
	style, column := terminal.StyleOf(w), slices.Index(header, statusHeader)
	return func(i int, cell string) string {
		if i == column && cell != statusHeader {
			return style.Status(cell)
		}
		return cell
	}
}
