package catalog

import (
	"strings"
	"unicode/utf8"
)

// checkMetadata returns what is wrong with metadata, of pairs at fault that of the first
// key.
func checkMetadata(pairs []Pair) error {
	total, upper := 0, false
	for _, p := range pairs {
		if err := checkPair(p.Key, p.Value); err != nil {
			return err
		}
		total += len(p.Key) + len("=") + len(p.Value)
		upper = upper || hasUpper(p.Key)
	}
	if total > MaxMetadata {
		return invalid("metadata", "has %d bytes in total, more than %d", total, MaxMetadata)
	}
	if upper {
		return checkFolded(pairs)
	}
	return nil
}

func checkPair(k, v string) error {
	if len(k) == 0 || len(k) > MaxMetadataKey || !isPrintable(k) || strings.Contains(k, "=") {
		return invalid("metadata["+quote(k)+"]", "must have a key of 1 to %d printable ASCII characters without '='", MaxMetadataKey)
	}
	if !utf8.ValidString(v) {
		return invalid("metadata["+quote(k)+"]", "is not UTF-8")
	}
	if n := len(k) + len("=") + len(v); n > MaxMetadataPair {
		return invalid("metadata["+quote(k)+"]", "is %d bytes long as key=value, more than %d", n, MaxMetadataPair)
	}
	return nil
}

// checkFolded checks that no two keys are equal but for case.
func checkFolded(pairs []Pair) error {
	folded := make(map[string]string, len(pairs))
	for _, p := range pairs {
		low := strings.ToLower(p.Key)
		if other, twice := folded[low]; twice {
			return invalid("metadata", "has keys %s and %s, which differ only in case", quote(other), quote(p.Key))
		}
		folded[low] = p.Key
	}
	return nil
}

// hasUpper reports whether s has an upper-case letter of ASCII.
func hasUpper(s string) bool {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return true
		}
	}
	return false
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
