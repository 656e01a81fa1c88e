package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"unicode/utf8"
	"unique"
)

// instanceJSON is the JSON form of an instance, in the order in which it is
// written.
type instanceJSON struct {
	ID        string            `json:"id,omitempty"`
	Addresses []string          `json:"addresses,omitempty"`
	Host      string            `json:"host,omitempty"`
	Ports     []portJSON        `json:"ports,omitempty"`
	Weight    uint16            `json:"weight,omitempty"`
	Priority  uint16            `json:"priority"`
	TTL       uint32            `json:"ttl,omitempty"`
	Locality  string            `json:"locality,omitempty"`
	Tags      []string          `json:"tags,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Status    Status            `json:"status,omitempty"`
	Static    bool              `json:"static,omitempty"`
}

type portJSON struct {
	Name     string `json:"name,omitempty"`
	Port     uint16 `json:"port"`
	Protocol string `json:"protocol,omitempty"`
}

type serviceJSON struct {
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	Revision  int64      `json:"revision"`
	Stale     bool       `json:"stale"`
	Instances []Instance `json:"instances"`
}

func (in *Instance) wire() instanceJSON {
	w := instanceJSON{
		ID: in.ID, Host: in.Host, Weight: in.Weight, Priority: in.Priority, TTL: in.TTL,
		Locality: in.Locality, Tags: in.Tags, Metadata: in.Metadata, Status: in.Status, Static: in.Static,
	}
	for _, a := range in.Addresses {
		w.Addresses = append(w.Addresses, a.String())
	}
	for _, p := range in.Ports {
		w.Ports = append(w.Ports, portJSON(p))
	}
	return w
}

// EncodeValue returns the instance as the value of its key: JSON without the
// ID, which the key has. Equal instances have equal values.
func (in *Instance) EncodeValue() []byte {
	w := in.wire()
	w.ID = ""
	return encode(w)
}

// encode is json.Marshal for types that can't fail, without the escapes that
// only HTML needs.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("catalog: encoding %T: %v", v, err)) // plain structs of strings and numbers always encode
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// MarshalJSON implements json.Marshaler: the value of the key, with the ID.
func (in Instance) MarshalJSON() ([]byte, error) { return encode(in.wire()), nil }

// MarshalJSON implements json.Marshaler with the form in which a service is
// shown everywhere.
func (s Service) MarshalJSON() ([]byte, error) {
	w := serviceJSON{Namespace: s.Namespace, Name: s.Name, Revision: s.Revision, Stale: s.Stale, Instances: s.Instances}
	if w.Instances == nil {
		w.Instances = []Instance{} // an empty list, so that readers need not know null
	}
	return encode(w), nil
}

// UnmarshalJSON implements json.Unmarshaler for what a person or a program
// hands in: other than in a value read from etcd, an unknown member is
// ErrInvalid, since it would be lost. Revision and Stale are ignored, so that
// a result that was written out can be read as a wish. It checks the form;
// Prepare checks the rules.
func (s *Service) UnmarshalJSON(data []byte) error {
	obj, err := object("service", data)
	if err != nil {
		return err
	}
	var instances []json.RawMessage
	var out Service
	err = decodeMembers(obj, true, []member{
		{"namespace", &out.Namespace},
		{"name", &out.Name},
		{"revision", new(json.RawMessage)},
		{"stale", new(json.RawMessage)},
		{"instances", &instances},
	})
	if err != nil {
		return err
	}
	var errs []error
	for i, raw := range instances {
		in, err := decodeInstance(raw, true)
		errs = append(errs, below(fmt.Sprintf("instances[%d].", i), err))
		out.Instances = append(out.Instances, in)
	}
	if err := joinFirst(errs); err != nil {
		return err
	}
	*s = out
	return nil
}

// UnmarshalJSON implements json.Unmarshaler as Service's does.
func (in *Instance) UnmarshalJSON(data []byte) error {
	out, err := decodeInstance(data, true)
	if err != nil {
		return err
	}
	*in = out
	return nil
}

// DecodeValue reads an instance from the value of its key, as readers do: it
// ignores unknown members, drops ports of unknown protocols and takes an
// unknown status for down. What it returns is normalized and valid. The error
// is ErrInvalid, names the member at fault, and quotes no more than a bounded
// part of the value. The result keeps no reference to value.
func DecodeValue(id string, value []byte) (Instance, error) {
	if len(value) > MaxValueSize {
		return Instance{}, invalid("value", "is %d bytes, more than %d", len(value), MaxValueSize)
	}
	in, err := decodeInstance(value, false)
	if err != nil {
		return Instance{}, err
	}
	in.ID = id
	in.Ports = slices.DeleteFunc(in.Ports, func(p Port) bool {
		return p.Protocol != "" && p.Protocol != ProtocolTCP && p.Protocol != ProtocolUDP
	})
	in.Status = in.Status.Worse(StatusUp)
	in.Normalize()
	if err := in.Validate(); err != nil {
		return Instance{}, err
	}
	in.intern()
	return in, nil
}

// intern makes the strings that many instances have in common share memory.
func (in *Instance) intern() {
	for i := range in.Ports {
		in.Ports[i].Name = unique.Make(in.Ports[i].Name).Value()
		in.Ports[i].Protocol = unique.Make(in.Ports[i].Protocol).Value()
	}
	for i := range in.Tags {
		in.Tags[i] = unique.Make(in.Tags[i]).Value()
	}
	in.Locality = unique.Make(in.Locality).Value()
}

// Override is an operator's word on an instance: the value of its status key.
type Override struct {
	// Status counts where it is worse than the instance's own.
	Status Status `json:"status"`
	// Reason is for people.
	Reason string `json:"reason,omitempty"`
}

// DecodeOverride reads the value of a status key as readers do: an unknown
// status is down. The error is ErrInvalid.
func DecodeOverride(value []byte) (Override, error) {
	if len(value) > MaxValueSize {
		return Override{}, invalid("value", "is %d bytes, more than %d", len(value), MaxValueSize)
	}
	obj, err := object("value", value)
	if err != nil {
		return Override{}, err
	}
	var o Override
	if err := decodeMembers(obj, false, []member{{"status", &o.Status}, {"reason", &o.Reason}}); err != nil {
		return Override{}, err
	}
	if o.Status == "" {
		return Override{}, invalid("status", "is missing")
	}
	o.Status = o.Status.Worse(StatusUp)
	return o, nil
}

// member is a member of a JSON object and where it goes.
type member struct {
	name string
	dst  any
}

// object splits a JSON object into its members. encoding/json alone would take
// "Weight" for "weight" and replace bytes that are not UTF-8.
func object(field string, data []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(data) {
		return nil, invalid(field, "is not UTF-8")
	}
	var obj map[string]json.RawMessage
	if err := json.Unmarshal(data, &obj); err != nil {
		return nil, invalid(field, "is not a JSON object: %v", jsonReason(err))
	}
	if obj == nil {
		return nil, invalid(field, "is not a JSON object: null")
	}
	return obj, nil
}

// decodeMembers decodes the members of obj that are known; one that is null
// counts as absent.
func decodeMembers(obj map[string]json.RawMessage, strict bool, members []member) error {
	known := 0
	for _, m := range members {
		raw, ok := obj[m.name]
		if !ok {
			continue
		}
		known++
		if err := json.Unmarshal(raw, m.dst); err != nil {
			return invalid(m.name, "can't be read: %v", jsonReason(err))
		}
	}
	if !strict || known == len(obj) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(obj)) {
		if !slices.ContainsFunc(members, func(m member) bool { return m.name == name }) {
			return invalid(quote(name), "is not a known member")
		}
	}
	return nil
}

// jsonReason says in terms of JSON what encoding/json says in terms of Go.
func jsonReason(err error) string {
	var typeErr *json.UnmarshalTypeError
	if errors.As(err, &typeErr) {
		want := "a " + typeErr.Type.Kind().String()
		switch typeErr.Type.Kind().String() {
		case "uint16":
			want = "a whole number from 0 to 65535"
		case "uint32":
			want = "a whole number from 0 to 4294967295"
		case "slice":
			want = "an array"
		case "map", "struct":
			want = "an object"
		case "bool":
			want = "true or false"
		}
		return fmt.Sprintf("%s is not %s", quote(typeErr.Value), want)
	}
	return err.Error()
}

func decodeInstance(data []byte, strict bool) (Instance, error) {
	obj, err := object("value", data)
	if err != nil {
		return Instance{}, err
	}
	if !strict {
		delete(obj, "id") // the key has the ID; in a value it is an unknown member
	}
	var in Instance
	var addresses []string
	var ports []json.RawMessage
	err = decodeMembers(obj, strict, []member{
		{"id", &in.ID},
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
	})
	if err != nil {
		return Instance{}, err
	}
	if len(addresses) > MaxAddresses {
		return Instance{}, invalid("addresses", "are %d, more than %d", len(addresses), MaxAddresses)
	}
	for i, s := range addresses {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return Instance{}, invalid(fmt.Sprintf("addresses[%d]", i), "%s is not an IP address", quote(s))
		}
		in.Addresses = append(in.Addresses, a)
	}
	in.Ports, err = decodePorts(ports, strict)
	return in, err
}

func decodePorts(raws []json.RawMessage, strict bool) ([]Port, error) {
	if len(raws) == 0 {
		return nil, nil
	}
	ports := make([]Port, 0, len(raws))
	for i, raw := range raws {
		at := fmt.Sprintf("ports[%d].", i)
		obj, err := object(fmt.Sprintf("ports[%d]", i), raw)
		if err != nil {
			return nil, err
		}
		var p Port
		err = decodeMembers(obj, strict, []member{{"name", &p.Name}, {"port", &p.Port}, {"protocol", &p.Protocol}})
		if err != nil {
			return nil, below(at, err)
		}
		ports = append(ports, p)
	}
	return ports, nil
}
