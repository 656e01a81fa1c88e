package importing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// Action is what a Change does to a key.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Change is a difference between the file and the registry.
type Change struct {
	Action Action
	// Key says of what: an instance, the override of one, or a policy.
	Key catalog.Key
	// Old is the value as it is stored, New the one to store; nil where there is none.
	Old, New []byte

	revision int64   // of Old; 0 if there is none
	requires []fence // what else must be so for New to be right
}

// fence is a key that must be at a revision, 0 for absent.
type fence struct {
	key      string
	revision int64
}

// Kind returns "instance", "override" or "policy".
func (c *Change) Kind() string {
	switch c.Key.Kind {
	case catalog.KindStatus:
		return "override"
	case catalog.KindPolicy:
		return "policy"
	default:
		return "instance"
	}
}

// Name returns the full name of the instance, or for a policy of the service.
func (c *Change) Name() string {
	name := c.Key.Namespace + "/" + c.Key.Service
	if c.Key.ID != "" {
		name += "/" + c.Key.ID
	}
	return name
}

// MarshalJSON implements json.Marshaler.
func (c *Change) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Action    Action          `json:"action"`
		Kind      string          `json:"kind"`
		Namespace string          `json:"namespace"`
		Service   string          `json:"service"`
		ID        string          `json:"id,omitempty"`
		Old       json.RawMessage `json:"old,omitempty"`
		New       json.RawMessage `json:"new,omitempty"`
	}{c.Action, c.Kind(), c.Key.Namespace, c.Key.Service, c.Key.ID, asJSON(c.Old), asJSON(c.New)})
}

// asJSON returns a value as JSON: one that is none as a string.
func asJSON(value []byte) json.RawMessage {
	if value == nil || json.Valid(value) {
		return value
	}
	text, _ := json.Marshal(string(value)) // strings can always be encoded
	return text
}

// Summary says in a line what changes: the members that differ, or the new value.
func (c *Change) Summary() string {
	switch c.Action {
	case Create:
		return string(c.New)
	case Delete:
		return ""
	}
	before, after := members(c.Old), members(c.New)
	if before == nil {
		return fmt.Sprintf("%.80q -> %s", c.Old, c.New)
	}
	names := maps.Clone(before)
	maps.Copy(names, after)
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !bytes.Equal(before[name], after[name]) {
			parts = append(parts, fmt.Sprintf("%s %s -> %s", name, orNone(before[name]), orNone(after[name])))
		}
	}
	return strings.Join(parts, "; ")
}

func orNone(text []byte) string {
	if text == nil {
		return "-"
	}
	return string(text)
}

// members returns the members of an object, each spelt as encoding/json does; nil if the
// value is none.
func members(value []byte) map[string][]byte {
	var raw map[string]any
	if err := json.Unmarshal(value, &raw); err != nil {
		return nil
	}
	out := map[string][]byte{}
	for name, v := range raw {
		out[name], _ = json.Marshal(v) // of what was just decoded
	}
	return out
}
