package catalog

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// CheckLabel returns nil if s is one DNS label as Roster has them: 1 to 63 of
// a-z, 0-9 and '-', not '-' at either end (RFC 1123). Otherwise a *FieldError
// for the field.
func CheckLabel(field, s string) error {
	if isLabel(s) {
		return nil
	}
	return invalid(field, "%s is not a DNS label: 1 to 63 of a-z, 0-9 and '-', no '-' at either end", quote(s))
}

// ReservedNamespace can't be the name of a namespace: its names in DNS belong
// to the server itself (ns.dns.ZONE).
const ReservedNamespace = "dns"

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

// Validate checks a normalized instance against every rule for writers. The
// error is ErrInvalid and names each member at fault.
func (in *Instance) Validate() error {
	var room [8]Pair // as many as most have
	return in.validate(appendPairs(room[:0], in.Metadata))
}

// Validate is Instance's.
func (f *Flat) Validate() error { return f.Instance.validate(f.Pairs) }

// validate is Validate for an instance with these metadata.
func (in *Instance) validate(metadata []Pair) error {
	var errs []error
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	// Without address, host and ID the address is what is missing: it would give an ID too.
	if in.ID != "" || in.StableID() != "" {
		add(CheckLabel("id", in.ID))
	}
	add(in.checkWhere())
	add(in.checkPorts())
	if in.Weight == 0 {
		add(invalid("weight", "is 0"))
	}
	if in.Locality != "" {
		add(CheckLabel("locality", in.Locality))
	}
	add(in.checkTags())
	add(checkMetadata(metadata))
	if in.Status != in.Status.Worse(StatusUp) {
		add(invalid("status", "%s is not up, draining or down", quote(string(in.Status))))
	}
	return errors.Join(errs...)
}

func (in *Instance) checkWhere() error {
	switch {
	case in.Host != "" && len(in.Addresses) > 0:
		return invalid("host", "can't be combined with addresses: an instance has either a host or addresses")
	case in.Host != "":
		return checkHost(in.Host)
	case len(in.Addresses) == 0:
		return invalid("addresses", "are missing: an instance has addresses or a host")
	case len(in.Addresses) > MaxAddresses:
		return invalid("addresses", "has %d entries, more than %d", len(in.Addresses), MaxAddresses)
	}
	for i, a := range in.Addresses {
		if reason := badAddress(a); reason != "" {
			return invalid(fmt.Sprintf("addresses[%d]", i), "%s is %s", quote(a.String()), reason)
		}
	}
	return nil
}

// badAddress says why no client could reach an instance by an address, if so.
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
	case a.Is4() && a.As4()[0] == 0:
		return "in 0.0.0.0/8, where no host has its address (RFC 1122, 3.2.1.3)"
	case a.IsMulticast():
		return "a multicast address"
	case a.IsLinkLocalUnicast():
		return "link-local: it reaches a different host on each link"
	case a == broadcast:
		return "the broadcast address"
	}
	return ""
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func checkHost(h string) error {
	if _, err := netip.ParseAddr(h); err == nil {
		return invalid("host", "%s is an IP address: use addresses", quote(h))
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
		return invalid("host", "%s ends in a number, which a hostname can't", quote(h))
	}
	return nil
}

func (in *Instance) checkPorts() error {
	if len(in.Ports) > MaxPorts {
		return invalid("ports", "has %d entries, more than %d", len(in.Ports), MaxPorts)
	}
	for i, p := range in.Ports {
		if err := p.check(in.Ports[:i]); err != nil {
			return below("ports["+strconv.Itoa(i)+"]", err)
		}
	}
	return nil
}

// check checks a port that comes after others of its instance.
func (p Port) check(before []Port) error {
	if p.Port == 0 {
		return invalid("port", "must be from 1 to 65535")
	}
	if p.Protocol != ProtocolTCP && p.Protocol != ProtocolUDP {
		return invalid("protocol", "%s is neither tcp nor udp", quote(p.Protocol))
	}
	if err := CheckPortName("name", p.Name); err != nil {
		return err
	}
	for _, q := range before {
		switch {
		case q.Name != p.Name || q.Protocol != p.Protocol:
		case p.Name == "":
			return invalid("name", "is missing for more than one %s port: name the ports", p.Protocol)
		default:
			return invalid("name", "%s is used twice for %s", quote(p.Name), p.Protocol)
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
		return invalid(field, "%s is not a service name: 1 to 15 of a-z, 0-9 and '-', at least one letter, no '--', no '-' at either end (RFC 6335)", quote(s))
	}
	return nil
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' }

func (in *Instance) checkTags() error {
	if len(in.Tags) > MaxTags {
		return invalid("tags", "has %d entries, more than %d", len(in.Tags), MaxTags)
	}
	for i, t := range in.Tags {
		if !isLabel(t) {
			return CheckLabel(fmt.Sprintf("tags[%d]", i), t)
		}
	}
	return nil
}
