// Package document reads files of objects, such as services, that people and programs
// write: JSON, JSON Lines and YAML 1.2. It writes YAML that readers of YAML 1.1 take for
// the same.
package document

import (
	"bytes"
	"fmt"

	"github.com/rosterdns/roster/catalog"
)

// Parse reads the objects of a file in order: JSON where the text starts as an object
// or array does, YAML elsewhere. A file has one object, an array of them, or several of
// these in a row: as JSON values that each start on a line, or as YAML documents. The
// error is ErrInvalid and says on which line. JSON that isn't UTF-8 is left to readers of
// the objects.
func Parse(text []byte) (f File, err error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // the byte order mark of some editors
	start := bytes.TrimSpace(text)
	switch {
	case len(start) == 0:
		return File{}, fmt.Errorf("%w: the file is empty", catalog.ErrInvalid)
	case start[0] == '{' || start[0] == '[':
		err = f.readJSON(text)
	default:
		err = f.readYAML(text)
	}
	f.List = f.List || len(f.Objects) != 1
	return f, err
}
