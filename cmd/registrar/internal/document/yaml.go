package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"github.com/rosterdns/roster/catalog"
)

// The JSON of a file is bounded, since aliases can stand for much more than is written:
// without them no text becomes maxGrowth times as long, and short ones may repeat
// themselves.
const (
	maxGrowth = 8
	maxSmall  = 1 << 20
)

// readYAML reads YAML documents.
func (f *File) readYAML(text []byte) error {
	text, err := prepareYAML(text)
	if err != nil {
		return err
	}
	documents, left := 0, maxGrowth*len(text)+maxSmall
	source := splitLines(text)
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var document yaml.Node
		err := decode(d, &document)
		switch {
		case errors.Is(err, io.EOF) && documents == 0:
			return fmt.Errorf("%w YAML: 0 documents", catalog.ErrInvalid)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%w YAML: %s", catalog.ErrInvalid, strings.TrimPrefix(err.Error(), "yaml: "))
		case len(document.Content) == 0, isEmpty(document.Content[0]):
			continue
		}
		documents++
		nodes := document.Content
		if nodes[0].Kind == yaml.SequenceNode && !tagged(nodes[0]) {
			f.List, nodes = true, nodes[0].Content
		}
		for _, n := range nodes {
			c := converter{source: source, left: left, open: map[*yaml.Node]bool{}}
			if err := c.node(n); err != nil {
				return err
			}
			left = c.left
			f.Objects = append(f.Objects, Object{JSON: c.out, line: func(path []string) int { return lineOf(n, path) }})
		}
	}
}

// decode reads the next document. The library panics where its parser has a mistake:
// that must not end the program.
func decode(d *yaml.Decoder, document *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the text can't be parsed: %v", p)
		}
	}()
	return d.Decode(document)
}

// prepareYAML refuses what the library takes for YAML 1.1, and takes out the directive of
// YAML 1.2, which it doesn't know.
func prepareYAML(text []byte) ([]byte, error) {
	for _, lineBreak := range []string{"\u0085", "\u2028", "\u2029"} {
		if at := bytes.Index(text, []byte(lineBreak)); at >= 0 {
			return nil, invalidYAML(lineAt(text, at), "the character %+q is a line break in YAML 1.1 and none in YAML 1.2: write it as an escape, in double quotes", lineBreak)
		}
	}
	lines := bytes.Split(text, []byte("\n"))
	for i, line := range lines {
		version, ok := bytes.CutPrefix(line, []byte("%YAML"))
		if !ok {
			continue
		}
		if fields := bytes.Fields(version); len(fields) == 0 || string(fields[0]) != "1.2" {
			return nil, invalidYAML(i+1, "the directive %.80q is not %%YAML 1.2", bytes.TrimSpace(line))
		}
		lines[i] = nil
	}
	return bytes.Join(lines, []byte("\n")), nil
}

// isEmpty reports whether a document has no more than comments.
func isEmpty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 && n.Anchor == ""
}

// converter makes JSON of nodes.
type converter struct {
	source []string // the lines that the nodes come from
	out    []byte
	left   int                 // how much more is allowed
	open   map[*yaml.Node]bool // what the node is in, as far as it has an anchor
}

func (c *converter) node(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		if c.open[n.Alias] {
			return invalidYAML(n.Line, "alias *%s stands for what it is in", n.Value)
		}
		return c.node(n.Alias)
	}
	if n.Anchor != "" {
		c.open[n] = true
		defer delete(c.open, n)
	}
	if c.nonSpecific(n) {
		return invalidYAML(n.Line, `tag "!" is not supported: quote what is a string`)
	}
	switch n.Kind {
	case yaml.MappingNode:
		return c.mapping(n)
	case yaml.SequenceNode:
		return c.sequence(n)
	default:
		value, err := scalar(n)
		if err != nil {
			return err
		}
		return c.write(n, value...)
	}
}

// nonSpecific reports whether a node has the tag "!", by which a plain scalar is a string:
// the library drops it.
func (c *converter) nonSpecific(n *yaml.Node) bool {
	if n.Line > len(c.source) {
		return false
	}
	row := []rune(c.source[n.Line-1])
	for word := range strings.FieldsSeq(string(row[min(max(n.Column-1, 0), len(row)):])) {
		if !strings.HasPrefix(word, "&") {
			return word == "!"
		}
	}
	return false
}

// splitLines returns the lines of a text as YAML has them.
func splitLines(text []byte) []string {
	return strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text)), "\n")
}

func (c *converter) write(n *yaml.Node, text ...byte) error {
	if c.left -= len(text); c.left < 0 {
		return invalidYAML(n.Line, "the aliases stand for too much: write it out")
	}
	c.out = append(c.out, text...)
	return nil
}

func (c *converter) sequence(n *yaml.Node) error {
	if tagged(n) && n.Tag != "!!seq" {
		return unknownTag(n)
	}
	if err := c.write(n, '['); err != nil {
		return err
	}
	for i, element := range n.Content {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		if err := c.node(element); err != nil {
			return err
		}
	}
	return c.write(n, ']')
}

func (c *converter) mapping(n *yaml.Node) error {
	if tagged(n) && n.Tag != "!!map" {
		return unknownTag(n)
	}
	if err := c.write(n, '{'); err != nil {
		return err
	}
	names := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, err := memberName(n.Content[i])
		switch {
		case err != nil:
			return err
		case names[name]:
			return invalidYAML(n.Content[i].Line, "member %.80q appears twice", name)
		case i > 0:
			c.out = append(c.out, ',')
		}
		names[name] = true
		if err := c.write(n, append(quote(name), ':')...); err != nil {
			return err
		}
		if err := c.node(n.Content[i+1]); err != nil {
			return err
		}
	}
	return c.write(n, '}')
}

// memberName returns the name of a member, which has to be a string.
func memberName(key *yaml.Node) (string, error) {
	at := key
	if key.Kind == yaml.AliasNode {
		key = key.Alias
	}
	if key.Kind != yaml.ScalarNode {
		return "", invalidYAML(at.Line, "the name of a member is not a string")
	}
	if key.Value == "<<" && plain(key) {
		return "", invalidYAML(at.Line, "merge keys (<<) are not part of YAML 1.2: repeat the members")
	}
	text, err := scalar(key)
	if err != nil {
		return "", err
	}
	if text[0] != '"' {
		return "", invalidYAML(at.Line, "the name of a member is %s, not a string: quote it", text)
	}
	return key.Value, nil
}

// lineOf returns the line of what is at a path in a node.
func lineOf(n *yaml.Node, path []string) int {
	line := n.Line
	for _, name := range path {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		at, next := child(n, name)
		if next == nil {
			break
		}
		line, n = at.Line, next
	}
	return line
}

// child returns what of a node has a name or an index, and where that starts.
func child(n *yaml.Node, name string) (at, value *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				return n.Content[i], n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		var i int
		if _, err := fmt.Sscan(name, &i); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
	}
	return nil, nil
}

// quote returns a string as JSON.
func quote(s string) []byte {
	text, _ := jsontext.AppendQuote(nil, s) // of the library's strings, which are UTF-8
	return text
}

func unknownTag(n *yaml.Node) error { return invalidYAML(n.Line, "tag %.80q is not supported", n.Tag) }

func invalidYAML(line int, format string, args ...any) error {
	return fmt.Errorf("%w YAML: line %d: %s", catalog.ErrInvalid, line, fmt.Sprintf(format, args...))
}
