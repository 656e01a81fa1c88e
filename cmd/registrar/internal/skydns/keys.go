// Package skydns reads records of SkyDNS, which CoreDNS's plugin etcd serves, from what
// etcdctl prints.
package skydns

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// pair is a key of etcd with its value.
type pair struct {
	line       int // 0 where the file has none of its own
	key, value string
	leased     bool
}

// pairs returns the keys that etcdctl has printed: with -w json, or in lines of a key and
// a value. The error is ErrInvalid.
func pairs(path string, text []byte) ([]pair, error) {
	switch start := strings.TrimSpace(string(text)); {
	case strings.HasPrefix(start, "{"):
		return fromJSON(path, text)
	case strings.HasPrefix(start, "/"):
		return fromLines(string(text)), nil
	}
	return nil, fmt.Errorf("%s: %w: not the output of 'etcdctl get --prefix /skydns', nor with -w json: it starts neither with / nor with {", path, catalog.ErrInvalid)
}

func fromJSON(path string, text []byte) (list []pair, err error) {
	var response struct {
		Kvs []struct {
			Key, Value []byte // which encoding/json takes for base64
			Lease      int64
		}
		More bool
	}
	if err := json.Unmarshal(text, &response); err != nil {
		return nil, fmt.Errorf("%s: %w JSON of etcdctl: %w", path, catalog.ErrInvalid, err)
	}
	if response.More {
		return nil, fmt.Errorf("%s: %w: there are more keys: run etcdctl without --limit", path, catalog.ErrInvalid)
	}
	for _, kv := range response.Kvs {
		list = append(list, pair{key: string(kv.Key), value: string(kv.Value), leased: kv.Lease != 0})
	}
	return list, nil
}

// fromLines returns pairs of a line with the key, and the lines to the next one. A value
// is JSON, in which no line starts with '/'.
func fromLines(text string) (list []pair) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		if strings.HasPrefix(line, "/") {
			list = append(list, pair{line: number, key: strings.TrimRight(line, "\r\n")})
		} else if len(list) > 0 {
			list[len(list)-1].value += line
		}
	}
	return list
}
