package document

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

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
