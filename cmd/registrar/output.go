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
	"text/tabwriter"

	"github.com/rosterdns/roster/cmd/registrar/internal/document"
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
	header := []string{"ID", "ADDRESS", "PORTS", "STATUS", "WEIGHT", "PRIO"}
	if wide {
		header = append(header, "LOCALITY", "TAGS", "METADATA", "TTL")
	}
	rows := make([][]string, len(instances))
	for i := range instances {
		rows[i] = instanceRow(&instances[i], wide)
	}
	return writeTable(w, header, rows)
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
	return append(row, in.Locality, strings.Join(in.Tags, ","), strings.Join(pairs, ","), ttl)
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

// quoteForeign quotes text that could be mistaken for something else in a
// table: with separators, quotes, or what a terminal would act on.
func quoteForeign(s string) string {
	if strings.ContainsAny(s, " ,\"\\") || strings.ContainsFunc(s, unprintable) {
		return strconv.Quote(s)
	}
	return s
}

// writeTable writes columns that are as wide as they need to be; "-" stands for
// nothing.
func writeTable(w io.Writer, header []string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			if cell == "" {
				cell = "-"
			}
			if i > 0 {
				cell = "\t" + cell
			}
			fmt.Fprint(t, cell)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}
