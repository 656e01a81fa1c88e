package document

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// WriteYAML writes a JSON value as YAML, its members in order of their names. Strings that
// a reader of YAML, of any version, could take for something else are quoted.
func WriteYAML(w io.Writer, text []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowInvalidUTF8(true))
	n, err := readNode(d)
	if err != nil {
		return fmt.Errorf("converting JSON to YAML: %w", err)
	}
	const indent = 2
	e := yaml.NewEncoder(w)
	e.SetIndent(indent)
	e.CompactSeqIndent()
	if err := e.Encode(n); err != nil {
		return fmt.Errorf("converting JSON to YAML: %w", err)
	}
	return e.Close()
}

// readNode reads a JSON value as a node of YAML.
func readNode(d *jsontext.Decoder) (*yaml.Node, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case jsontext.KindBeginObject:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		err := readContent(d, n, jsontext.KindEndObject)
		sortMembers(n)
		return n, err
	case jsontext.KindBeginArray:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		return n, readContent(d, n, jsontext.KindEndArray)
	case jsontext.KindString:
		n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: t.String()}
		if !unmistakable.MatchString(n.Value) || reserved.MatchString(n.Value) {
			n.Style = yaml.DoubleQuotedStyle
		}
		return n, nil
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: t.String()}, nil
	}
}

// readContent reads the rest of an object or array.
func readContent(d *jsontext.Decoder, n *yaml.Node, end jsontext.Kind) error {
	for d.PeekKind() != end {
		child, err := readNode(d)
		if err != nil {
			return err
		}
		n.Content = append(n.Content, child)
	}
	if len(n.Content) == 0 {
		n.Style = yaml.FlowStyle // as [] or {}
	}
	_, err := d.ReadToken()
	return err
}

// sortMembers sorts the members of a mapping, which are pairs of nodes in its content.
func sortMembers(n *yaml.Node) {
	pairs := slices.Collect(slices.Chunk(n.Content, 2))
	slices.SortFunc(pairs, func(a, b []*yaml.Node) int { return strings.Compare(a[0].Value, b[0].Value) })
	n.Content = slices.Concat(pairs...)
}

var (
	// unmistakable are strings that need no quotes, unless they are reserved: they start
	// with a letter, so that they are no numbers and no syntax, or are an IP address that
	// is not of the form of a number to the base 60.
	unmistakable = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9._/-]*|[0-9]+(\.[0-9]+){3}|[0-9a-f]+(:[0-9a-f]+)*:(:[0-9a-f]+)+)$`)
	// reserved are words that stand for something else in YAML 1.1 or 1.2.
	reserved = regexp.MustCompile(`^(?i:null|true|false|yes|no|on|off|y|n)$`)
)
