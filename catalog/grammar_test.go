package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

// maxDepth is how many arrays and objects a text may have within each other: a
// limit of the JSON library. The members of an instance need 3; the rest is for
// members of later versions, which readers skip.
const maxDepth = 10_000

// TestGrammar has the grammar of RFC 8259 at its edges, in a member that no
// reader knows: it is checked all the same.
func TestGrammar(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{
		`null`: true, `true`: true, `false`: true, `nul`: false, `nulll`: false, `True`: false, `truefalse`: false, `NaN`: false, `Infinity`: false,
		`0`: true, `-0`: true, `10`: true, `1.0`: true, `0.10e+01`: true, `1E-7`: true, `1e999999`: true, `-1.5E5`: true,
		`00`: false, `01`: false, `-`: false, `-01`: false, `+1`: false, `.5`: false, `1.`: false, `1.e1`: false, `1e`: false, `1e+`: false, `0x1`: false, `1_0`: false, `1 0`: false, `--1`: false,
		`""`: true, `"é"`: true, `"\u0000\uFFFF\ud83d\ude00"`: true, `"\ud800"`: false, "\"\x7f\u2028\"": true, `"a`: false, `"\"`: false, `"\x41"`: false, `"\'"`: false, `"\u12"`: false, `"\u12G4"`: false,
		`"\ud83d\u"`: false, `"\ud83d\u12"`: false, `"\`: false, `"\u`: false, `"\U0041"`: false, "\"\n\"": false, "\"\x00\"": false, "\"\x1f\"": false, `'a'`: false,
		`[]`: true, "[ \t\r\n]": true, `[[],[[]],{}]`: true, `[1,]`: false, `[,1]`: false, `[,]`: false, `[1 2]`: false, `[1`: false, `[`: false, `]`: false, `[}`: false, `[1}`: false, `["a":1]`: false,
		`{}`: true, `{ "a" : 1 , "b" : 2 }`: true, `{"a":1,"a":1}`: false, `{"a":{"b":1},"b":{"b":1}}`: true, `{"":{"":[]}}`: true, `{"a":1,}`: false, `{,}`: false, `{"a"}`: false, `{"a":}`: false, `{"a" 1}`: false, `{a:1}`: false, `{1:1}`: false, `{null:1}`: false,
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

// TestSyntaxMessages has what a person reads who wrote a file by hand.
func TestSyntaxMessages(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", maxDepth)
	for text, want := range map[string]string{
		``:                                `value can't be read as JSON: it is empty or cut off`,
		`{"host":"a"`:                     `value can't be read as JSON: it is empty or cut off`,
		`{"host":"a",}`:                   `value can't be read as JSON: invalid character ',' at start of value (byte 11)`,
		`{"host":"a"}}`:                   `value can't be read as JSON: data after the end (byte 12)`,
		`{"host":"a"} {}`:                 `value can't be read as JSON: data after the end (byte 12)`,
		`{host:"a"}`:                      `value can't be read as JSON: invalid character 'h' at start of value (byte 1)`,
		`{"host":“a”}`:                    `value can't be read as JSON: invalid character '“' at start of value (byte 8)`,
		`{"host":"a` + "\n" + `"}`:        `value can't be read as JSON: invalid character '\n' in string (expecting non-control character) (byte 10)`,
		`{"host":"\d"}`:                   "value can't be read as JSON: invalid escape sequence `\\d` in string (byte 9)",
		`{"weight":7.}`:                   `value can't be read as JSON: invalid character '}' in number (expecting digit) (byte 12)`,
		`{"x":` + deep:                    `value can't be read as JSON: exceeded max depth (byte 10004)`,
		"{\"host\":\"\xff\"":              `value is not UTF-8`,
		`{"host":"a","host":"b"}`:         `value has the member "/host" twice`,
		`{"ports":[{"port":1,"port":1}]}`: `value has the member "/ports/0/port" twice`,
		`[]`:                              `value is an array, not an object`,
		`null`:                            `value is null, not an object`,
		`{"addresses":["1.2.3"]}`:         `addresses[0] "1.2.3" is not an IP address`,
		`{"weight":"7"}`:                  `weight is a string, not a whole number from 0 to 65535`,
		`{"weight":7.5}`:                  `weight is "7.5", not a whole number from 0 to 65535`,
		`{"ttl":4294967296}`:              `ttl is "4294967296", not a whole number from 0 to 4294967295`,
		`{"static":"true"}`:               `static is a string, not true or false`,
		`{"ports":[{"port":true}]}`:       `ports[0].port is true, not a whole number from 1 to 65535`,
		`{"ports":[{"port":70000}]}`:      `ports[0].port is "70000", not a whole number from 1 to 65535`,
		`{"tags":{},"host":1}`:            `tags is an object, not an array`,
	} {
		if _, err := catalog.DecodeValue("a", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%.100s: %v\nwant %s", text, err, want)
		}
	}
}
