package mirror

import "strings"

// covers reports whether a range has a key.
func covers(rng, key string) bool {
	if isPrefix(rng) {
		return strings.HasPrefix(key, rng)
	}
	return key == rng
}

// isPrefix reports whether a range is a prefix of keys rather than a key.
func isPrefix(rng string) bool { return rng == "" || strings.HasSuffix(rng, "/") }

// enclosing calls fn with every range that can have a key, or all keys of a
// range: each of its prefixes that ends in '/', and itself. It stops where fn
// returns true, and reports whether it did.
func enclosing(key string, fn func(rng string) bool) bool {
	if fn("") {
		return true
	}
	for i := 0; i < len(key); i++ {
		if key[i] == '/' && i+1 < len(key) && fn(key[:i+1]) {
			return true
		}
	}
	return key != "" && fn(key)
}
