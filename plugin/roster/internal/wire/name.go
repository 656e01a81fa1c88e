package wire

import (
	"encoding/binary"
	"strings"
)

// nameSize returns the size of the name that b begins with, which has no compression.
func nameSize(b []byte) int {
	n := 0
	for b[n] != 0 {
		n += 1 + int(b[n])
	}
	return n + 1
}

// plainName returns the size of the name that b begins with, or 0 where that is none,
// is too long or has compression.
func plainName(b []byte) int {
	for n := 0; n < len(b) && n < MaxName; n += 1 + int(b[n]) {
		switch {
		case b[n] == 0:
			return n + 1
		case b[n] > maxLabel:
			return 0
		}
	}
	return 0
}

// AppendName appends a name in presentation form, fully qualified, in wire form. It
// reports false of one that has an escape, or is none.
func AppendName(buf []byte, name string) ([]byte, bool) {
	if len(name) >= MaxName || name == "" || name[len(name)-1] != '.' {
		return buf, false
	}
	if name == "." {
		return append(buf, 0), true
	}
	for name != "" {
		dot := strings.IndexByte(name, '.')
		label := name[:dot]
		if dot == 0 || dot > maxLabel || strings.IndexByte(label, '\\') >= 0 {
			return buf, false
		}
		buf = append(append(buf, byte(dot)), label...)
		name = name[dot+1:]
	}
	return append(buf, 0), true
}

// AppendQuestion appends a question of class IN, with a name as in AppendName.
func AppendQuestion(buf []byte, name string, rrtype uint16) ([]byte, bool) {
	buf, ok := AppendName(buf, name)
	buf = binary.BigEndian.AppendUint16(buf, rrtype)
	return binary.BigEndian.AppendUint16(buf, classINET), ok
}

// Lower makes the letters A to Z of a name in wire form lower case, in place. Lengths of
// labels are no letters: they are below 'A'.
func Lower(name []byte) {
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			name[i] = c - 'A' + 'a'
		}
	}
}

// AppendText appends the name that a question section begins with, which is in lower case,
// in presentation form. It reports false of one with octets that presentation form would
// escape, or that no name of a service has: others than letters, digits, '-' and '_'.
func AppendText(buf, name []byte) ([]byte, bool) {
	if name[0] == 0 {
		return append(buf, '.'), true
	}
	for name[0] != 0 {
		n := 1 + int(name[0])
		for _, c := range name[1:n] {
			if !nameOctets[c] {
				return buf, false
			}
			buf = append(buf, c)
		}
		buf = append(buf, '.')
		name = name[n:]
	}
	return buf, true
}

// nameOctets says of each octet whether a name of a service in lower case can have it.
var nameOctets = func() (is [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyz0123456789-_") {
		is[c] = true
	}
	return is
}()
