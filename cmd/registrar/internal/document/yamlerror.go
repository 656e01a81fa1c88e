package document

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/rosterdns/roster/catalog"
)

func unknownTag(n *yaml.Node) error { return invalidYAML(n.Line, "tag %.80q is not supported", n.Tag) }

func invalidYAML(line int, format string, args ...any) error {
	return fmt.Errorf("%w YAML: line %d: %s", catalog.ErrInvalid, line, fmt.Sprintf(format, args...))
}
