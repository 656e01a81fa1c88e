package catalog_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rosterdns/roster/catalog"
)

// The readers of this package are held against some that say the same by
// reflection alone: slow, short, and with nothing in common but the grammar.

type refInstance struct {
	ID        string            `json:"id"`
	Addresses []string          `json:"addresses"`
	Host      string            `json:"host"`
	Ports     []refPort         `json:"ports"`
	Weight    uint16            `json:"weight"`
	Priority  uint16            `json:"priority"`
	TTL       uint32            `json:"ttl"`
	Locality  string            `json:"locality"`
	Tags      []string          `json:"tags"`
	Metadata  map[string]string `json:"metadata"`
	Status    catalog.Status    `json:"status"`
	Static    bool              `json:"static"`
}

type refPort struct {
	Name     string `json:"name"`
	Port     uint16 `json:"port"`
	Protocol string `json:"protocol"`
}

// UnmarshalJSONFrom reads a port, which can't be null.
func (p *refPort) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == jsontext.KindNull {
		return errors.New("null")
	}
	type plain refPort
	return json.UnmarshalDecode(d, (*plain)(p))
}

// refObject decodes an object, which can't be null.
func refObject(text []byte, dst any, opts ...json.Options) error {
	if jsontext.Value(text).Kind() == jsontext.KindNull {
		return errors.New("null")
	}
	return json.Unmarshal(text, dst, opts...)
}

func (r *refInstance) instance() (in catalog.Instance, err error) {
	in = catalog.Instance{
		ID: r.ID, Host: r.Host, Weight: r.Weight, Priority: r.Priority, TTL: r.TTL,
		Locality: r.Locality, Tags: r.Tags, Metadata: r.Metadata, Status: r.Status, Static: r.Static,
	}
	for _, s := range r.Addresses {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return in, err
		}
		in.Addresses = append(in.Addresses, a)
	}
	for _, p := range r.Ports {
		in.Ports = append(in.Ports, catalog.Port(p))
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
	var r struct {
		refInstance
		ID jsontext.Value `json:"id"` // of any form
	}
	if err := refObject(value, &r); err != nil {
		return catalog.Instance{}, err
	}
	in, err := r.instance()
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
	var r refInstance
	if err := refObject(text, &r, json.RejectUnknownMembers(true)); err != nil {
		return catalog.Instance{}, err
	}
	return r.instance()
}

// refUnmarshalService is Service.UnmarshalJSON.
func refUnmarshalService(text []byte) (s catalog.Service, err error) {
	var r struct {
		Namespace string           `json:"namespace"`
		Name      string           `json:"name"`
		Revision  jsontext.Value   `json:"revision"`
		Stale     jsontext.Value   `json:"stale"`
		Instances []jsontext.Value `json:"instances"`
	}
	if err := refObject(text, &r, json.RejectUnknownMembers(true)); err != nil {
		return s, err
	}
	s.Namespace, s.Name = r.Namespace, r.Name
	for _, text := range r.Instances {
		in, fault := refUnmarshalInstance(text)
		s.Instances = append(s.Instances, in)
		err = errors.Join(err, fault)
	}
	return s, err
}

// refDecodeOverride is DecodeOverride.
func refDecodeOverride(value []byte) (o catalog.Override, err error) {
	if err := refObject(value, &o); err != nil {
		return o, err
	}
	if o.Status != catalog.StatusDraining && o.Status != catalog.StatusDown {
		return o, errors.New("another status")
	}
	return o, nil
}

type refPolicy struct {
	TTL        uint32   `json:"ttl"`
	MaxAnswers uint16   `json:"max_answers"`
	MinUp      uint16   `json:"min_up"`
	KeepLast   *uint32  `json:"keep_last"`
	Failover   []string `json:"failover"`
	Alias      string   `json:"alias"`
}

func (r *refPolicy) policy() (p catalog.Policy, err error) {
	p = catalog.Policy{TTL: r.TTL, MaxAnswers: int(r.MaxAnswers), MinUp: int(r.MinUp), KeepLast: r.KeepLast}
	for _, s := range r.Failover {
		n, fault := catalog.ParseServiceName(s)
		p.Failover, err = append(p.Failover, n), errors.Join(err, fault)
	}
	if r.Alias != "" {
		var fault error
		p.Alias, fault = catalog.ParseServiceName(r.Alias)
		err = errors.Join(err, fault)
	}
	return p, err
}

// refDecodePolicy is DecodePolicy.
func refDecodePolicy(value []byte) (p catalog.Policy, err error) {
	var r refPolicy
	if err := refObject(value, &r); err != nil {
		return p, err
	}
	if p, err = r.policy(); err != nil {
		return p, err
	}
	return p, p.Validate()
}

// refUnmarshalPolicy is Policy.UnmarshalJSON.
func refUnmarshalPolicy(text []byte) (p catalog.Policy, err error) {
	var r refPolicy
	if err := refObject(text, &r, json.RejectUnknownMembers(true)); err != nil {
		return p, err
	}
	return r.policy()
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
		with(`"id":7`):                     true,
		with(`"weight":1,"weight":1`):      false,
		with("\"x\":\"\xff\""):             false,
		with(`"metadata":{"a":"","A":""}`): false,
		`null`:                             false,
	} {
		if _, err := refDecodeValue("a", []byte(text)); (err == nil) != ok {
			t.Errorf("%.80s: %v", text, err)
		}
	}
}
