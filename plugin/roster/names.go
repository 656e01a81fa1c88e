package roster

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// kind says what a name in a zone stands for.
type kind uint8

const (
	kindNone              kind = iota // nothing can exist there
	kindApex                          // Z
	kindStatus                        // _status.Z
	kindNamespace                     // N.Z
	kindNamespaceProtocol             // _T.N.Z
	kindNamespacePort                 // _P._T.N.Z
	kindPortService                   // S._P._T.N.Z
	kindService                       // S.N.Z
	kindInstance                      // I.S.N.Z
	kindLocalityMark                  // _zone.S.N.Z
	kindLocalityMode                  // pin._zone.S.N.Z
	kindTagMark                       // _tag.[SEL.]S.N.Z
	kindSelection                     // SEL.S.N.Z
	kindProtocol                      // _T.[SEL.]S.N.Z
	kindPort                          // _P._T.[SEL.]S.N.Z
	kindPortInstance                  // I._P._T.S.N.Z
	kindHTTPSParent                   // _https.S.N.Z
	kindHTTPS                         // _PORT._https.S.N.Z
	kindBrowse                        // _dns-sd._udp. N.Z or S.N.Z
	kindPortTypes                     // _services._dns-sd._udp. N.Z or S.N.Z
	kindBrowseDomains                 // b, db and lb._dns-sd._udp.N.Z
	kindReverse                       // in a zone of addresses: an address, or the beginning of some
	kindCount
)

// maxTags is how many tags a selector can have: more than anybody needs, and few
// enough to bound the work that a name can cause.
const maxTags = 4

// nameSelector is the selector of a name. It is comparable, as the key of what was
// selected.
type nameSelector struct {
	tags     [maxTags]string
	count    uint8 // of tags
	locality string
	prefer   bool // others answer where nobody of the locality is left
}

// name is a parsed query name.
type name struct {
	kind                         kind
	namespace, service, instance string
	selector                     nameSelector
	// port is a port's name or, where portNumber isn't 0, its number.
	port       string
	portNumber uint16
	protocol   string
	// prefix is what a name in a zone of addresses stands for, the zone's own too, else
	// nil.
	prefix *netip.Prefix
}

// label is what a label of a name can be.
type label struct {
	// text is what it is in the documentation: literal, or with a capital letter
	// for what stands in its place.
	text string
	// take stores a label in the name; false means that it isn't of the class, and
	// the name is of no use then.
	take func(n *name, l string) bool
}

// literal is a label that is always the same.
func literal(text string) label {
	return label{text, func(_ *name, l string) bool { return l == text }}
}

var (
	namespaceLabel = label{"N", func(n *name, l string) bool {
		n.namespace = l
		return catalog.CheckNamespace(l) == nil
	}}
	serviceLabel = label{"S", func(n *name, l string) bool {
		n.service = l
		return catalog.CheckLabel("name", l) == nil
	}}
	// DNS-SD knows ports by name, and leaves selectors out.
	portInstanceLabel = label{"I", func(n *name, l string) bool {
		n.instance = l
		return n.portNumber == 0 && n.selector == nameSelector{} && catalog.CheckLabel("id", l) == nil
	}}
	instanceLabel = label{"I", func(n *name, l string) bool {
		n.instance = l
		return catalog.CheckLabel("id", l) == nil
	}}
	protocolLabel = label{"_T", func(n *name, l string) bool {
		n.protocol = strings.TrimPrefix(l, "_")
		return l == "_tcp" || l == "_udp"
	}}
	portLabel = label{"_P", takePort}
	// namespacePortLabel is the name of a port: by numbers services have nothing
	// in common.
	namespacePortLabel = label{"_P", func(n *name, l string) bool { return takePort(n, l) && n.portNumber == 0 }}
	portNumberLabel    = label{"_PORT", func(n *name, l string) bool { return takePort(n, l) && n.portNumber != 0 }}
	browseLabel        = label{"_dns-sd", func(n *name, l string) bool {
		return l == "_dns-sd" && n.protocol == "udp" && n.selector == nameSelector{}
	}}
	domainsLabel = label{"b|db|lb", func(n *name, l string) bool { return n.service == "" && (l == "b" || l == "db" || l == "lb") }}
	modeLabel    = label{"pin|prefer", func(n *name, l string) bool {
		n.selector.prefer = l == "prefer"
		return l == "pin" || l == "prefer"
	}}
	localityLabel = label{"L", func(n *name, l string) bool {
		n.selector.locality = l
		return catalog.CheckLabel("locality", l) == nil
	}}
	tagMark  = label{"_tag", func(n *name, l string) bool { return l == "_tag" && n.selector.count < maxTags }}
	tagLabel = label{"TAG", func(n *name, l string) bool {
		n.selector.tags[n.selector.count] = l
		n.selector.count++
		return catalog.CheckLabel("tag", l) == nil
	}}
)

// takePort takes "_" and a port's name, or its number without leading zeros. No
// name is a number, since names have a letter (RFC 6335, 5.1).
func takePort(n *name, l string) bool {
	port, ok := strings.CutPrefix(l, "_")
	if !ok || port == "" {
		return false
	}
	if '0' <= port[0] && port[0] <= '9' { // else ParseUint would make an error of most
		if number, err := strconv.ParseUint(port, 10, 16); err == nil {
			n.portNumber = uint16(number)
			return number != 0 && port[0] != '0'
		}
	}
	n.port = port
	return catalog.CheckPortName("port", port) == nil
}

// rule says what a label makes of a name of a kind: one of another kind.
type rule struct {
	from  kind
	label label
	to    kind
}

// grammar is every form that a name in a zone can have, label by label in the
// order in which DNS delegates: from the zone down. No label is of two classes that
// follow on one kind.
var grammar = []rule{
	{kindApex, literal("_status"), kindStatus},
	{kindApex, namespaceLabel, kindNamespace},

	{kindNamespace, serviceLabel, kindService},
	{kindNamespace, protocolLabel, kindNamespaceProtocol},
	{kindNamespaceProtocol, browseLabel, kindBrowse},
	{kindNamespaceProtocol, namespacePortLabel, kindNamespacePort},
	{kindNamespacePort, serviceLabel, kindPortService},

	{kindService, instanceLabel, kindInstance},
	{kindService, literal("_zone"), kindLocalityMark},
	{kindLocalityMark, modeLabel, kindLocalityMode},
	{kindLocalityMode, localityLabel, kindSelection},
	{kindService, tagMark, kindTagMark},
	{kindSelection, tagMark, kindTagMark},
	{kindTagMark, tagLabel, kindSelection},

	{kindService, protocolLabel, kindProtocol},
	{kindSelection, protocolLabel, kindProtocol},
	{kindProtocol, browseLabel, kindBrowse},
	{kindProtocol, portLabel, kindPort},
	{kindPort, portInstanceLabel, kindPortInstance},

	{kindService, literal("_https"), kindHTTPSParent},
	{kindHTTPSParent, portNumberLabel, kindHTTPS},

	{kindBrowse, literal("_services"), kindPortTypes},
	{kindBrowse, domainsLabel, kindBrowseDomains},
}

// rulesFrom is the grammar by the kind that a rule starts from.
var rulesFrom = func() (from [kindCount][]rule) {
	for _, r := range grammar {
		from[r.from] = append(from[r.from], r)
	}
	return from
}()

// parser parses names without memory of its own: it can be used again.
type parser struct{ names [2]name }

// parse parses a query name in lower case and presentation form, fully qualified,
// which is at or below zone. A label with an escape is none of the grammar's. The
// strings of the result share the memory of qname; the result is valid until the next
// call.
func (p *parser) parse(qname, zone string) *name {
	below := strings.TrimSuffix(strings.TrimSuffix(qname, zone), ".")
	n, child := &p.names[0], &p.names[1]
	*n = name{kind: kindApex}
	for below != "" && n.kind != kindNone {
		dot := strings.LastIndexByte(below, '.')
		n.child(child, below[dot+1:])
		n, child = child, n
		below = below[:max(dot, 0)]
	}
	return n
}

// parseName is parser.parse with a parser of its own.
func parseName(qname, zone string) name { return *new(parser).parse(qname, zone) }

// child makes child the name that has one more label than n.
func (n *name) child(child *name, l string) {
	special := isSpecial(l)
	for i := range rulesFrom[n.kind] {
		r := &rulesFrom[n.kind][i]
		if isSpecial(r.label.text) != special { // else each attempt would copy the name
			continue
		}
		*child = *n
		if r.label.take(child, l) {
			child.kind = r.to
			return
		}
	}
	*child = name{}
}

// isSpecial reports whether a label begins with '_', as those do that are not chosen
// freely, and so what they are in the documentation.
func isSpecial(l string) bool { return strings.HasPrefix(l, "_") }
