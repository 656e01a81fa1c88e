package catalog_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

// TestGrammar has the grammar of RFC 8259 at its edges, in a member that no
// reader knows: it is checked all the same.
func TestGrammar(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{
		`null`: true, `true`: true, `false`: true, `nul`: false, `nulll`: false, `True`: false, `truefalse`: false, `NaN`: false, `Infinity`: false,
		`0`: true, `-0`: true, `10`: true, `1.0`: true, `0.10e+01`: true, `1E-7`: true, `1e999999`: true, `-1.5E5`: true,
		`00`: false, `01`: false, `-`: false, `-01`: false, `+1`: false, `.5`: false, `1.`: false, `1.e1`: false, `1e`: false, `1e+`: false, `0x1`: false, `1_0`: false, `1 0`: false, `--1`: false,
		`""`: true, `"é"`: true, `"\u0000\uFFFF\ud800"`: true, "\"\x7f\u2028\"": true, `"a`: false, `"\"`: false, `"\x41"`: false, `"\'"`: false, `"\u12"`: false, `"\u12G4"`: false,
		`"\ud83d\u"`: false, `"\ud83d\u12"`: false, `"\`: false, `"\u`: false, `"\U0041"`: false, "\"\n\"": false, "\"\x00\"": false, "\"\x1f\"": false, `'a'`: false,
		`[]`: true, "[ \t\r\n]": true, `[[],[[]],{}]`: true, `[1,]`: false, `[,1]`: false, `[,]`: false, `[1 2]`: false, `[1`: false, `[`: false, `]`: false, `[}`: false, `[1}`: false, `["a":1]`: false,
		`{}`: true, `{ "a" : 1 , "a" : 2 }`: true, `{"":{"":[]}}`: true, `{"a":1,}`: false, `{,}`: false, `{"a"}`: false, `{"a":}`: false, `{"a" 1}`: false, `{a:1}`: false, `{1:1}`: false, `{null:1}`: false,
		`{"a":1 "b":2}`: false, `{"a":1`: false, `{"a":`: false, `{"a"`: false, `{`: false, `{]`: false, `{"a":1]`: false, `{"a":1;"b":2}`: false,
		``: false, `,`: false, `:`: false, `//`: false, "1/**/": false, "\v1": false, "\u00a01": false, "\x00": false, "1\x00": false,
	} {
		t.Run(fmt.Sprintf("%q", value), func(t *testing.T) {
			t.Parallel()
			for _, text := range []string{with(`"x":` + value), `{"x": ` + value + ` ,"addresses":["10.0.0.7"]}`} {
				_, err := catalog.DecodeValue("a", []byte(text))
				wantFault(t, err, faultIf(!ok, "value"))
			}
		})
	}
}

// TestGrammarOfAll has every text of up to four characters that have a meaning
// in JSON, and takes those that encoding/json takes.
func TestGrammarOfAll(t *testing.T) {
	t.Parallel()
	const alphabet = `{}[]:,"\u01-.e+ n`
	var grow func(text string, more int)
	grow = func(text string, more int) {
		value := []byte(with(`"x":` + text))
		if _, err := catalog.DecodeValue("a", value); (err == nil) != json.Valid(value) {
			t.Errorf("%s: error %v, but it is valid JSON: %t", value, err, json.Valid(value))
		}
		if more == 0 {
			return
		}
		for _, c := range alphabet {
			grow(text+string(c), more-1)
		}
	}
	grow("", 4)
}

// TestSyntaxMessages has what a person reads who wrote a file by hand.
func TestSyntaxMessages(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", maxDepth)
	for text, want := range map[string]string{
		``:                           `value can't be read as JSON: it ends where a value should be`,
		`{"host":"a"`:                `value can't be read as JSON: it ends where ',' or '}' should be`,
		`{"host":"a",}`:              `value can't be read as JSON: '}' at byte 12 is not a string`,
		`{"host":"a"}}`:              `value can't be read as JSON: '}' at byte 12 is not the end`,
		`{host:"a"}`:                 `value can't be read as JSON: 'h' at byte 1 is not a string`,
		`{"host":“a”}`:               `value can't be read as JSON: '“' at byte 8 is not a value`,
		`{"host":"a` + "\n" + `"}`:   `value can't be read as JSON: '\n' at byte 10 is not allowed in a string without an escape`,
		`{"host":"\d"}`:              `value can't be read as JSON: 'd' at byte 10 is not an escape`,
		`{"weight":7.}`:              `value can't be read as JSON: '}' at byte 12 is not a digit`,
		`{"x":` + deep:               `value can't be read as JSON: more than 64 arrays and objects are within each other`,
		"{\"host\":\"\xff\"":         `value is not UTF-8`,
		`[]`:                         `value is an array, not an object`,
		`null`:                       `value is null, not an object`,
		`{"weight":"7"}`:             `weight is a string, not a whole number from 0 to 65535`,
		`{"weight":7.5}`:             `weight is "7.5", not a whole number from 0 to 65535`,
		`{"ttl":4294967296}`:         `ttl is "4294967296", not a whole number from 0 to 4294967295`,
		`{"static":"true"}`:          `static is a string, not true or false`,
		`{"ports":[{"port":true}]}`:  `ports[0].port is true, not a whole number from 1 to 65535`,
		`{"ports":[{"port":70000}]}`: `ports[0].port is "70000", not a whole number from 1 to 65535`,
		`{"tags":{},"host":1}`:       `host is a number, not a string`,
	} {
		if _, err := catalog.DecodeValue("a", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}
