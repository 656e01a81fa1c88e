package dns

import (
	"strings"

	"github.com/miekg/dns"
)

// metadataOf returns the key=value strings of TXT records (RFC 6763, 6): of equal keys
// the first one counts, and strings without a key say nothing.
func metadataOf(a answer) map[string]string {
	metadata := map[string]string{}
	for txt := range recordsOf[*dns.TXT](a) {
		for _, s := range txt.Txt {
			key, value, _ := strings.Cut(unescape(s), "=")
			if _, twice := metadata[key]; key != "" && !twice {
				metadata[key] = value
			}
		}
	}
	return metadata
}

// unescape returns the octets of a string as package miekg/dns has it: in the form of a
// zone file (RFC 1035, 5.1).
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var octets strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			octets.WriteByte(s[i])
		case i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]):
			octets.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + s[i+3] - '0')
			i += 3
		default:
			i++
			octets.WriteByte(s[i])
		}
	}
	return octets.String()
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
