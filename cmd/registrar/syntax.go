package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/rosterdns/roster/registrar"
)

// checkJSON says where a text stops being one JSON value without duplicate
// members.
func checkJSON(data []byte) error {
	var value json.RawMessage
	err := json.Unmarshal(data, &value)
	if err == nil {
		return checkDuplicates(data)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		before := data[:min(int(syntax.Offset), len(data))]
		return fmt.Errorf("%w JSON on line %d: %w", registrar.ErrInvalid, 1+bytes.Count(before, []byte("\n")), err)
	}
	return fmt.Errorf("%w JSON: %w", registrar.ErrInvalid, err)
}

// checkDuplicates refuses objects with two members of one name, of which
// encoding/json drops the first. The text is valid JSON.
func checkDuplicates(data []byte) error {
	type container struct {
		members map[string]bool // nil in an array
		value   bool            // the next token is a member's value
	}
	var stack []container
	for d := json.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if err != nil {
			return nil // the end: the text is known to be valid
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if len(stack) > 0 && stack[len(stack)-1].members != nil {
			in := &stack[len(stack)-1]
			if name, ok := token.(string); ok && !in.value {
				if in.members[name] {
					line := 1 + bytes.Count(data[:d.InputOffset()], []byte("\n"))
					return fmt.Errorf("%w JSON on line %d: member %.80q appears twice", registrar.ErrInvalid, line, name)
				}
				in.members[name], in.value = true, true
				continue
			}
			in.value = false
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, container{members: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, container{})
		}
	}
}

// yamlToJSON converts one YAML document. Keys that are there twice are an
// error, and so are further documents, which the library would drop.
func yamlToJSON(data []byte) ([]byte, error) {
	documents := yamlDocuments(string(data))
	if n := len(documents); n != 1 {
		return nil, fmt.Errorf("%w YAML: %d documents: write one, with an array of services", registrar.ErrInvalid, n)
	}
	text, err := yaml.YAMLToJSONStrict([]byte(documents[0]))
	if err != nil {
		return nil, fmt.Errorf("%w YAML: %s", registrar.ErrInvalid, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return text, nil
}

// yamlDocuments returns the documents of a text that hold more than comments
// and directives, each with as many empty lines ahead as make its line numbers
// those of the text. Lines that start with "---" or "..." are markers wherever
// they stand (YAML 1.2, 9.1.2).
func yamlDocuments(text string) []string {
	var documents []string
	var lines []string // of the current document
	content := false   // in lines
	flush := func() {
		if content {
			documents = append(documents, strings.Join(lines, "\n")+"\n")
		}
		lines, content = make([]string, len(lines)), false
	}
	for line := range strings.SplitSeq(text, "\n") {
		for _, marker := range []string{"---", "..."} {
			if rest, ok := strings.CutPrefix(line, marker); ok && (rest == "" || strings.ContainsAny(rest[:1], " \t\r")) {
				flush()
				line = rest
			}
		}
		if trimmed := strings.TrimSpace(line); trimmed != "" && trimmed[0] != '#' {
			content = content || line[0] != '%'
		}
		lines = append(lines, line)
	}
	flush()
	return documents
}
