package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"
)

// StableID returns the ID of an instance that was given none. It depends on
// the instance's first address, or its host, and its first port alone, so that
// a process that starts again takes the place of its predecessor.
//
// The ID of an address is the address with '-' for its separators, an IPv6
// address written out in full, then "-PORT" where there is a port:
// "10-0-0-7-8080". That of a host is "h-" and the first 16 hexadecimal digits
// of the SHA-256 of "host:port", port 0 standing for none. An instance with
// neither has the ID "".
func (in *Instance) StableID() string {
	var port uint16
	if len(in.Ports) > 0 {
		port = in.Ports[0].Port
	}
	if in.Host != "" {
		sum := sha256.Sum256([]byte(canonicalHost(in.Host) + ":" + strconv.Itoa(int(port))))
		return "h-" + hex.EncodeToString(sum[:8])
	}
	if len(in.Addresses) == 0 || !in.Addresses[0].IsValid() {
		return ""
	}
	id := strings.NewReplacer(".", "-", ":", "-").Replace(in.Addresses[0].WithZone("").StringExpanded())
	if port != 0 {
		id += "-" + strconv.Itoa(int(port))
	}
	return id
}

// canonicalHost spells a hostname in one way: lower case, no dot at the end.
// A name that is not ASCII stays as it is and is refused as such: Unicode has
// other letters than A to Z whose lower case is in a to z.
func canonicalHost(h string) string {
	if strings.ContainsFunc(h, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return h
	}
	return strings.ToLower(strings.TrimSuffix(h, "."))
}
