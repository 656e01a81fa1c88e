package document

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

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
