package catalog

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of an instance. They keep a value within what one etcd request and
// one DNS message can carry, whoever writes it.
const (
	// MaxValueSize is the size of an instance's JSON form in bytes.
	MaxValueSize = 64 << 10
	// MaxAddresses, MaxPorts and MaxTags bound the lists of an instance.
	MaxAddresses = 32
	MaxPorts     = 32
	MaxTags      = 32
	// MaxLabel is the length of a DNS label in octets (RFC 1035, 2.3.4).
	MaxLabel = 63
	// MaxMetadataKey keeps a key of metadata well within its pair.
	MaxMetadataKey = 63
	// MaxMetadataPair is the length of "key=value": one character-string of a
	// TXT record (RFC 1035, 3.3).
	MaxMetadataPair = 255
	// MaxMetadata is the length of all pairs of an instance together.
	MaxMetadata = 4 << 10
	// maxHost is the length of a hostname in text without the last dot (RFC 1035, 2.3.4).
	maxHost = 253
	// maxPortName is the length of a service name (RFC 6335, 5.1).
	maxPortName = 15
)

// CheckLabel returns nil if s is one DNS label as Roster has them: 1 to 63 of
// a-z, 0-9 and '-', not '-' at either end (RFC 1123). Otherwise a *FieldError
// for the field.
func CheckLabel(field, s string) error {
	if isLabel(s) {
		return nil
	}
	return invalid(field, "%s is not a DNS label: 1 to 63 of a-z, 0-9 and '-', not '-' at an end", quote(s))
}

// CheckNamespace is CheckLabel for a namespace, which can't be ReservedNamespace.
func CheckNamespace(s string) error {
	if s == ReservedNamespace {
		return invalid("namespace", "%q is reserved", ReservedNamespace)
	}
	return CheckLabel("namespace", s)
}

func isLabel(s string) bool {
	if len(s) == 0 || len(s) > MaxLabel || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// Normalize gives absent members their defaults, hosts their one spelling, and
// empty lists their one form, nil: equal instances are then deeply equal.
func (in *Instance) Normalize() {
	if len(in.Addresses) == 0 {
		in.Addresses = nil
	}
	if len(in.Ports) == 0 {
		in.Ports = nil
	}
	if len(in.Tags) == 0 {
		in.Tags = nil
	}
	if len(in.Metadata) == 0 {
		in.Metadata = nil
	}
	if in.Weight == 0 {
		in.Weight = DefaultWeight
	}
	if in.Status == "" {
		in.Status = StatusUp
	}
	if in.Host != "." {
		in.Host = canonicalHost(in.Host)
	}
	for i := range in.Ports {
		if in.Ports[i].Protocol == "" {
			in.Ports[i].Protocol = ProtocolTCP
		}
	}
}

// Validate checks a normalized instance against every rule for writers. The
// error is ErrInvalid and names each member at fault.
func (in *Instance) Validate() error {
	var errs []error
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	add(CheckLabel("id", in.ID))
	add(in.checkWhere())
	add(in.checkPorts())
	if in.Weight == 0 {
		add(invalid("weight", "is 0"))
	}
	if in.Locality != "" {
		add(CheckLabel("locality", in.Locality))
	}
	add(in.checkTags())
	add(in.checkMetadata())
	if in.Status != in.Status.Worse(StatusUp) {
		add(invalid("status", "%s is none of up, draining, down", quote(string(in.Status))))
	}
	return errors.Join(errs...)
}

func (in *Instance) checkWhere() error {
	switch {
	case in.Host != "" && len(in.Addresses) > 0:
		return invalid("host", "stands beside addresses: an instance has one or the other")
	case in.Host != "":
		return checkHost(in.Host)
	case len(in.Addresses) == 0:
		return invalid("addresses", "are missing: an instance has addresses or a host")
	case len(in.Addresses) > MaxAddresses:
		return invalid("addresses", "are %d, more than %d", len(in.Addresses), MaxAddresses)
	}
	for i, a := range in.Addresses {
		if reason := badAddress(a); reason != "" {
			return invalid(fmt.Sprintf("addresses[%d]", i), "%s is %s", quote(a.String()), reason)
		}
	}
	return nil
}

func badAddress(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "not an IP address"
	case a.Zone() != "":
		return "an address with a zone, which means nothing to other hosts"
	case a.Is4In6():
		return "an IPv4-mapped IPv6 address: write it as IPv4"
	case a.IsUnspecified():
		return "unspecified: nobody can connect to it"
	case a.IsMulticast():
		return "a multicast address"
	}
	return ""
}

func checkHost(h string) error {
	if _, err := netip.ParseAddr(h); err == nil {
		return invalid("host", "%s is an IP address: it belongs into addresses", quote(h))
	}
	if len(h) > maxHost {
		return invalid("host", "%s is longer than %d characters", quote(h), maxHost)
	}
	last := ""
	for label := range strings.SplitSeq(h, ".") {
		if !isLabel(label) {
			return invalid("host", "%s is not a hostname: labels of a-z, 0-9 and '-' between dots (RFC 1123)", quote(h))
		}
		last = label
	}
	// A name whose last label is a number would be read as an address (RFC 1123, 2.1).
	if strings.Trim(last, "0123456789") == "" {
		return invalid("host", "%s ends in a number, as addresses do and hostnames can't", quote(h))
	}
	return nil
}

func (in *Instance) checkPorts() error {
	if len(in.Ports) > MaxPorts {
		return invalid("ports", "are %d, more than %d", len(in.Ports), MaxPorts)
	}
	for i, p := range in.Ports {
		at := func(member string) string { return fmt.Sprintf("ports[%d].%s", i, member) }
		if p.Port == 0 {
			return invalid(at("port"), "is not 1 to 65535")
		}
		if p.Protocol != ProtocolTCP && p.Protocol != ProtocolUDP {
			return invalid(at("protocol"), "%s is neither tcp nor udp", quote(p.Protocol))
		}
		if err := CheckPortName(at("name"), p.Name); err != nil {
			return err
		}
		for _, q := range in.Ports[:i] {
			if q.Name == p.Name && q.Protocol == p.Protocol {
				return invalid(at("name"), "%s is there twice for %s", quote(p.Name), p.Protocol)
			}
		}
	}
	return nil
}

// CheckPortName returns nil if s is empty or a service name as in RFC 6335,
// section 5.1, in lower case, and not the "dns-sd" of RFC 6763. Otherwise a
// *FieldError for the field.
func CheckPortName(field, s string) error {
	if s == "" {
		return nil
	}
	if s == "dns-sd" {
		return invalid(field, "%q is reserved (RFC 6763, 9)", s)
	}
	if len(s) > maxPortName || !isLabel(s) || strings.Contains(s, "--") || !strings.ContainsFunc(s, isLetter) {
		return invalid(field, "%s is not a service name: 1 to 15 of a-z, 0-9 and '-', a letter among them, no '--', no '-' at an end (RFC 6335)", quote(s))
	}
	return nil
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' }

func (in *Instance) checkTags() error {
	if len(in.Tags) > MaxTags {
		return invalid("tags", "are %d, more than %d", len(in.Tags), MaxTags)
	}
	for i, t := range in.Tags {
		if !isLabel(t) {
			return CheckLabel(fmt.Sprintf("tags[%d]", i), t)
		}
	}
	return nil
}

func (in *Instance) checkMetadata() error {
	total := 0
	folded := make(map[string]string, len(in.Metadata))
	for _, k := range slices.Sorted(maps.Keys(in.Metadata)) { // sorted, so that an error stays the same
		v := in.Metadata[k]
		field := "metadata[" + quote(k) + "]"
		if len(k) == 0 || len(k) > MaxMetadataKey || !isPrintable(k) || strings.Contains(k, "=") {
			return invalid(field, "has a bad key: 1 to %d printable ASCII characters without '='", MaxMetadataKey)
		}
		if !utf8.ValidString(v) {
			return invalid(field, "is not UTF-8")
		}
		pair := len(k) + 1 + len(v)
		if pair > MaxMetadataPair {
			return invalid(field, "is %d bytes long as key=value, more than %d", pair, MaxMetadataPair)
		}
		if total += pair; total > MaxMetadata {
			return invalid("metadata", "is longer than %d bytes together", MaxMetadata)
		}
		low := strings.ToLower(k)
		if other, twice := folded[low]; twice {
			return invalid("metadata", "has the keys %s and %s, equal but for case", quote(min(k, other)), quote(max(k, other)))
		}
		folded[low] = k
	}
	return nil
}

// isPrintable reports whether s holds printable ASCII only, space included
// (RFC 6763, 6.4).
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Prepare turns a wish into what is written: a deep copy with defaults, the
// namespace and stable IDs filled in, and valid throughout. The error is
// ErrInvalid and names every member at fault, of the first ten instances that
// have any.
func (s *Service) Prepare(defaultNamespace string) (*Service, error) {
	if s == nil {
		return nil, invalid("service", "is nil")
	}
	if s.Revision != 0 {
		return nil, invalid("revision", "is set, so the service is a result of a registry: use Clone to make a wish of it")
	}
	c := s.Clone()
	if c.Namespace == "" {
		c.Namespace = defaultNamespace
	}
	errs := []error{CheckNamespace(c.Namespace), CheckLabel("name", c.Name)}
	ids := make(map[string]int, len(c.Instances))
	for i := range c.Instances {
		in := &c.Instances[i]
		in.Normalize()
		if in.ID == "" {
			in.ID = in.StableID()
		}
		at := fmt.Sprintf("instances[%d].", i)
		errs = append(errs, below(at, in.Validate()))
		if first, twice := ids[in.ID]; twice && in.ID != "" {
			errs = append(errs, invalid(at+"id", "%s is that of instances[%d] too", quote(in.ID), first))
		}
		ids[in.ID] = i
		if n := len(in.EncodeValue()); n > MaxValueSize {
			errs = append(errs, invalid(at+"value", "is %d bytes of JSON, more than %d", n, MaxValueSize))
		}
	}
	if err := joinFirst(errs); err != nil {
		return nil, err
	}
	return c, nil
}
