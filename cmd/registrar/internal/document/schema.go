package document

import (
	"math/big"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// What plain scalars stand for: the core schema of YAML 1.2 (10.3.2). The library's own
// is that of YAML 1.1, more or less.
var (
	decimal = regexp.MustCompile(`^[-+]?[0-9]+$`)
	octal   = regexp.MustCompile(`^0o[0-7]+$`)
	hex     = regexp.MustCompile(`^0x[0-9a-fA-F]+$`)
	float   = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	special = regexp.MustCompile(`^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
	zeros   = regexp.MustCompile(`^[-+]?0[0-9]`)
)

// maxDigits bounds numbers: no member has more than ten digits, and to convert long ones
// takes long.
const maxDigits = 100

// plain reports whether a scalar has neither quotes nor a tag.
func plain(n *yaml.Node) bool {
	const quotes = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	return n.Style&quotes == 0 && !tagged(n)
}

// tagged reports whether a node's tag is written out.
func tagged(n *yaml.Node) bool { return n.Style&yaml.TaggedStyle != 0 }

// scalar returns what a scalar stands for, as JSON.
func scalar(n *yaml.Node) ([]byte, error) {
	switch {
	case tagged(n) && n.Tag != "!!str":
		return nil, unknownTag(n)
	case !plain(n):
		return quote(n.Value), nil
	}
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return []byte("null"), nil
	case "true", "True", "TRUE":
		return []byte("true"), nil
	case "false", "False", "FALSE":
		return []byte("false"), nil
	}
	return number(n)
}

// number returns a number, or else a string, as JSON.
func number(n *yaml.Node) ([]byte, error) {
	s := n.Value
	isInteger, isFloat := decimal.MatchString(s), float.MatchString(s)
	based := octal.MatchString(s) || hex.MatchString(s)
	switch {
	case special.MatchString(s):
		return nil, invalidYAML(n.Line, "%s is a number in YAML 1.2, and none in JSON: quote it if it is a string", s)
	case !isInteger && !isFloat && !based:
		return quote(s), nil
	case len(s) > maxDigits:
		return nil, invalidYAML(n.Line, "%.20s… is a number of more than %d digits: quote it if it is a string", s, maxDigits)
	case based:
		value, _ := new(big.Int).SetString(s, 0)
		return []byte(value.String()), nil
	case zeros.MatchString(s):
		return nil, invalidYAML(n.Line, "%s is an octal number to readers of YAML 1.1 and a decimal one to those of YAML 1.2: quote it if it is a string, else leave out the zeros", s)
	}
	s = strings.TrimPrefix(s, "+")
	if isInteger {
		return []byte(s), nil
	}
	// JSON has digits on both sides of a point.
	sign, digits := "", s
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		sign, digits = "-", rest
	}
	if digits[0] == '.' {
		digits = "0" + digits
	}
	whole, fraction, ok := strings.Cut(digits, ".")
	if ok && (fraction == "" || fraction[0] == 'e' || fraction[0] == 'E') {
		digits = whole + ".0" + fraction
	}
	return []byte(sign + digits), nil
}

// quote returns a string as JSON.
func quote(s string) []byte {
	text, _ := jsontext.AppendQuote(nil, s) // of the library's strings, which are UTF-8
	return text
}
