package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// EncodeValue returns the instance as the value of its key: JSON without the
// ID, which the key has. Equal instances have equal values.
func (in *Instance) EncodeValue() []byte {
	v := *in
	v.ID = ""
	return encode(v)
}

// EncodeValue returns the override as the value of its key.
func (o Override) EncodeValue() []byte { return encode(o) }

// MarshalJSON implements json.Marshaler with the form in which a service is
// shown everywhere.
func (s Service) MarshalJSON() ([]byte, error) {
	type plain Service
	if s.Instances == nil {
		s.Instances = []Instance{} // an empty list, so that readers need not know null
	}
	return encode(plain(s)), nil
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
