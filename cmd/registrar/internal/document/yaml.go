package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

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
