package document

import (
	"strconv"
	"strings"
)

// splitField returns the names and numbers in the field of a catalog.FieldError, such as
// `instances[0].ports[1]."Name"`.
func splitField(field string) (path []string) {
	for field != "" {
		var part string
		switch field[0] {
		case '.', '[', ']':
			field = field[1:]
			continue
		case '"':
			quoted, err := strconv.QuotedPrefix(field)
			if err != nil {
				return path // a name that was cut
			}
			part, _ = strconv.Unquote(quoted)
			field = field[len(quoted):]
		default:
			end := strings.IndexAny(field, ".[]")
			if end < 0 {
				end = len(field)
			}
			part, field = field[:end], field[end:]
		}
		path = append(path, part)
	}
	return path
}
