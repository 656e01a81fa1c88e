package catalog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rosterdns/roster/catalog"
)

// The decoder of this package is held against one that says the same by
// encoding/json alone: slow, short, and with nothing in common.

// member is a member of a JSON object and where it goes.
type member struct {
	name string
	dst  any
}

// maxDepth is catalog's bound on nesting; encoding/json has a wider one.
const maxDepth = 64

func refCheckText(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("not UTF-8")
	}
	if !json.Valid(text) {
		return errors.New("not JSON")
	}
	depth := 0
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.Token()
		if err != nil {
			return nil // the end
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			if depth++; depth > maxDepth {
				return errors.New("nested too deep")
			}
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
}

// refObject decodes the members of an object whose names are exactly those
// given, the last of each name.
func refObject(text []byte, strict bool, members ...member) error {
	var obj map[string]json.RawMessage
	if err := json.Unmarshal(text, &obj); err != nil {
		return err
	}
	if obj == nil {
		return errors.New("null")
	}
	for _, m := range members {
		if raw, ok := obj[m.name]; ok {
			if err := json.Unmarshal(raw, m.dst); err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			delete(obj, m.name)
		}
	}
	if strict && len(obj) > 0 {
		return fmt.Errorf("unknown: %q", slices.Sorted(maps.Keys(obj)))
	}
	return nil
}

func refInstance(text []byte, strict bool) (in catalog.Instance, err error) {
	var addresses []string
	var ports []json.RawMessage
	members := []member{
		{"addresses", &addresses},
		{"host", &in.Host},
		{"ports", &ports},
		{"weight", &in.Weight},
		{"priority", &in.Priority},
		{"ttl", &in.TTL},
		{"locality", &in.Locality},
		{"tags", &in.Tags},
		{"metadata", &in.Metadata},
		{"status", &in.Status},
		{"static", &in.Static},
	}
	if strict {
		members = append(members, member{"id", &in.ID})
	}
	if err := refObject(text, strict, members...); err != nil {
		return in, err
	}
	if len(addresses) > catalog.MaxAddresses {
		return in, errors.New("too many addresses")
	}
	for _, s := range addresses {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return in, err
		}
		in.Addresses = append(in.Addresses, a)
	}
	for _, raw := range ports {
		var p catalog.Port
		if err := refObject(raw, strict, member{"name", &p.Name}, member{"port", &p.Port}, member{"protocol", &p.Protocol}); err != nil {
			return in, err
		}
		in.Ports = append(in.Ports, p)
	}
	if len(in.Tags) == 0 {
		in.Tags = nil
	}
	if len(in.Metadata) == 0 {
		in.Metadata = nil
	}
	return in, nil
}

// refDecodeValue is DecodeValue.
func refDecodeValue(id string, value []byte) (catalog.Instance, error) {
	if err := refCheckText(value); err != nil {
		return catalog.Instance{}, err
	}
	in, err := refInstance(value, false)
	if err != nil {
		return in, err
	}
	in.ID = id
	in.Ports = slices.DeleteFunc(in.Ports, func(p catalog.Port) bool { return !slices.Contains([]string{"", "tcp", "udp"}, p.Protocol) })
	in.Status = in.Status.Worse(catalog.StatusUp)
	in.Normalize()
	if err := refMetadata(in.Metadata); err != nil {
		return in, err
	}
	return in, in.Validate()
}

// refUnmarshalInstance is Instance.UnmarshalJSON.
func refUnmarshalInstance(text []byte) (catalog.Instance, error) {
	if err := refCheckText(text); err != nil {
		return catalog.Instance{}, err
	}
	return refInstance(text, true)
}

// refUnmarshalService is Service.UnmarshalJSON.
func refUnmarshalService(text []byte) (s catalog.Service, err error) {
	if err := refCheckText(text); err != nil {
		return s, err
	}
	var instances []json.RawMessage
	err = refObject(text, true, member{"namespace", &s.Namespace}, member{"name", &s.Name}, member{"instances", &instances},
		member{"revision", new(json.RawMessage)}, member{"stale", new(json.RawMessage)})
	for _, raw := range instances {
		in, fault := refInstance(raw, true)
		s.Instances = append(s.Instances, in)
		err = errors.Join(err, fault)
	}
	return s, err
}

// refDecodeOverride is DecodeOverride.
func refDecodeOverride(value []byte) (o catalog.Override, err error) {
	if err := refCheckText(value); err != nil {
		return o, err
	}
	if err := refObject(value, false, member{"status", &o.Status}, member{"reason", &o.Reason}); err != nil {
		return o, err
	}
	if o.Status == "" {
		return o, errors.New("no status")
	}
	o.Status = o.Status.Worse(catalog.StatusUp)
	return o, nil
}

// refMetadata has the rules for metadata, one after the other.
func refMetadata(m map[string]string) error {
	total := 0
	folded := map[string]bool{}
	for k, v := range m {
		if len(k) < 1 || len(k) > 63 || strings.ContainsFunc(k, func(r rune) bool { return r < 0x20 || r > 0x7e || r == '=' }) {
			return fmt.Errorf("key %q", k)
		}
		if pair := k + "=" + v; len(pair) > 255 || !utf8.ValidString(pair) {
			return fmt.Errorf("value of %q", k)
		}
		total += len(k) + 1 + len(v)
		folded[strings.ToLower(k)] = true
	}
	if total > 4096 || len(folded) < len(m) {
		return errors.New("too long, or equal but for case")
	}
	return nil
}

// TestReference checks that the reference itself takes and refuses: two
// decoders that refuse everything would agree as well.
func TestReference(t *testing.T) {
	t.Parallel()
	if in, err := refDecodeValue("a", []byte(typicalValue)); err != nil || in.Tags[1] != "blue" || in.Ports[1].Port != 9090 {
		t.Errorf("typical: %+v, %v", in, err)
	}
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for text, ok := range map[string]bool{
		with(`"x":` + nested(maxDepth-1)):  true,
		with(`"x":` + nested(maxDepth)):    false,
		with(`"Weight":"x"`):               true,
		with(`"weight":"x","weight":1`):    true,
		with(`"weight":1,"weight":"x"`):    false,
		with("\"x\":\"\xff\""):             false,
		with(`"metadata":{"a":"","A":""}`): false,
	} {
		if _, err := refDecodeValue("a", []byte(text)); (err == nil) != ok {
			t.Errorf("%.80s: %v", text, err)
		}
	}
}
