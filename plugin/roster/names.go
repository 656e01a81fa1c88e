package roster

import (
	"strconv"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// kind says what a name in a zone stands for.
type kind uint8

const (
	kindNone      kind = iota // nothing can exist there
	kindApex                  // Z
	kindStatus                // _status.Z
	kindNamespace             // N.Z
	kindService               // S.N.Z
	kindInstance              // I.S.N.Z
	kindProtocol              // _T.S.N.Z
	kindPort                  // _P._T.S.N.Z
)

// name is a parsed query name.
type name struct {
	kind                         kind
	namespace, service, instance string
	// port is a port's name or, where portNumber isn't 0, its number.
	port       string
	portNumber uint16
	protocol   string
}

// class is what a label of a name can be.
type class struct {
	// take stores the label in the name; false means that it isn't of the
	// class.
	take func(n *name, label string) bool
}

var (
	namespaceLabel = class{func(n *name, l string) bool {
		n.namespace = l
		return catalog.CheckNamespace(l) == nil
	}}
	serviceLabel = class{func(n *name, l string) bool {
		n.service = l
		return catalog.CheckLabel("name", l) == nil
	}}
	instanceLabel = class{func(n *name, l string) bool {
		n.instance = l
		return catalog.CheckLabel("id", l) == nil
	}}
	protocolLabel = class{func(n *name, l string) bool {
		n.protocol = strings.TrimPrefix(l, "_")
		return l == "_tcp" || l == "_udp"
	}}
	portLabel   = class{takePort}
	statusLabel = class{func(_ *name, l string) bool { return l == "_status" }}
)

// takePort takes "_" and a port's name, or its number without leading zeros. No
// name is a number, since names have a letter (RFC 6335, 5.1).
func takePort(n *name, l string) bool {
	port, ok := strings.CutPrefix(l, "_")
	if !ok || port == "" {
		return false
	}
	if number, err := strconv.ParseUint(port, 10, 16); err == nil {
		n.portNumber = uint16(number)
		return number != 0 && port[0] != '0'
	}
	n.port = port
	return catalog.CheckPortName("port", port) == nil
}

// grammar is every form that a name below a zone can have, its labels in the
// order in which DNS delegates: from the zone down.
var grammar = []struct {
	kind   kind
	labels []class
}{
	{kindApex, nil},
	{kindStatus, []class{statusLabel}},
	{kindNamespace, []class{namespaceLabel}},
	{kindService, []class{namespaceLabel, serviceLabel}},
	{kindProtocol, []class{namespaceLabel, serviceLabel, protocolLabel}},
	{kindInstance, []class{namespaceLabel, serviceLabel, instanceLabel}},
	{kindPort, []class{namespaceLabel, serviceLabel, protocolLabel, portLabel}},
}

// maxLabels is the most labels that a form of the grammar has.
const maxLabels = 4

// parseName parses a query name in lower case and presentation form, fully
// qualified, which is at or below zone. A label with an escape is none of the
// grammar's. The strings of the result share the memory of qname.
func parseName(qname, zone string) name {
	below := strings.TrimSuffix(strings.TrimSuffix(qname, zone), ".")
	var labels [maxLabels]string
	n := 0
	for ; below != ""; n++ {
		if n == maxLabels {
			return name{}
		}
		dot := strings.LastIndexByte(below, '.')
		labels[n] = below[dot+1:]
		below = below[:max(dot, 0)]
	}
	for _, form := range grammar {
		if len(form.labels) == n {
			if parsed, ok := match(form.labels, labels[:n]); ok {
				parsed.kind = form.kind
				return parsed
			}
		}
	}
	return name{}
}

func match(classes []class, labels []string) (name, bool) {
	var n name
	for i, c := range classes {
		if !c.take(&n, labels[i]) {
			return name{}, false
		}
	}
	return n, true
}
