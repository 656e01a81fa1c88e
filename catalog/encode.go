package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// EncodeValue returns the override as the value of its key.
func (o Override) EncodeValue() []byte {
	value, err := json.Marshal(o)
	if err != nil {
		panic(err) // two strings
	}
	return value
}
