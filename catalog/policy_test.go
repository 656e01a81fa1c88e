package catalog_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/catalog"
)

func serviceName(s string) catalog.ServiceName {
	namespace, name, _ := strings.Cut(s, "/")
	return catalog.ServiceName{Namespace: namespace, Name: name}
}

// fullPolicy is a policy with every member, and fullPolicyValue its value.
func fullPolicy() catalog.Policy {
	return catalog.Policy{
		TTL: 5, MaxAnswers: 8, MinUp: 1, KeepLast: new(uint32(60)),
		Failover: []catalog.ServiceName{serviceName("eu/orders"), serviceName("us/orders")}, Alias: serviceName("shop/orders-v2"),
	}
}

const fullPolicyValue = `{"ttl":5,"max_answers":8,"min_up":1,"keep_last":60,"failover":["eu/orders","us/orders"],"alias":"shop/orders-v2"}`

func TestDecodePolicy(t *testing.T) {
	t.Parallel()
	eight := `"a/s0","a/s1","a/s2","a/s3","a/s4","a/s5","a/s6","a/s7"`
	for _, tt := range []struct {
		value string
		want  catalog.Policy
		field string // at fault; empty: want counts
	}{
		{fullPolicyValue, fullPolicy(), ""},
		{`{}`, catalog.Policy{}, ""},
		{`{"ttl":null,"max_answers":null,"min_up":null,"keep_last":null,"failover":null,"alias":null}`, catalog.Policy{}, ""},
		{`{"ttl":0,"max_answers":0,"min_up":0,"failover":[],"alias":""}`, catalog.Policy{}, ""},
		{`{"keep_last":0}`, catalog.Policy{KeepLast: new(uint32(0))}, ""},
		{`{"keep_last":86400}`, catalog.Policy{KeepLast: new(uint32(86_400))}, ""},
		{`{"max_answers":65535,"min_up":65535,"ttl":4294967295}`, catalog.Policy{MaxAnswers: 65_535, MinUp: 65_535, TTL: 4_294_967_295}, ""},
		{`{"future":{"a":[1]},"TTL":"x"}`, catalog.Policy{}, ""},

		{`{"keep_last":86401}`, catalog.Policy{}, "keep_last"},
		{`{"keep_last":-1}`, catalog.Policy{}, "keep_last"},
		{`{"keep_last":"60s"}`, catalog.Policy{}, "keep_last"},
		{`{"max_answers":65536}`, catalog.Policy{}, "max_answers"},
		{`{"min_up":1.5}`, catalog.Policy{}, "min_up"},
		{`{"min_up":true}`, catalog.Policy{}, "min_up"},
		{`{"ttl":4294967296}`, catalog.Policy{}, "ttl"},
		{`{"ttl":1,"ttl":1}`, catalog.Policy{}, "value"},
		{`{"alias":"orders"}`, catalog.Policy{}, "alias"},
		{`{"alias":"dns/orders"}`, catalog.Policy{}, "alias.namespace"},
		{`{"alias":"a/Orders"}`, catalog.Policy{}, "alias.name"},
		{`{"alias":"a/b/c"}`, catalog.Policy{}, "alias.name"},
		{`{"alias":["a/b"]}`, catalog.Policy{}, "alias"},
		{`{"failover":"a/b"}`, catalog.Policy{}, "failover"},
		{`{"failover":["a/b",null]}`, catalog.Policy{}, "failover[1]"},
		{`{"failover":["a/b",""]}`, catalog.Policy{}, "failover[1]"},
		{`{"failover":["a/b","c/d","a/b"]}`, catalog.Policy{}, "failover[2]"},
		{`{"failover":["a/_b"]}`, catalog.Policy{}, "failover[0].name"},
		{`{"failover":[` + eight + `,"a/s8"]}`, catalog.Policy{}, "failover"},
		{`[]`, catalog.Policy{}, "value"},
		{`null`, catalog.Policy{}, "value"},
		{``, catalog.Policy{}, "value"},
		{`{}{}`, catalog.Policy{}, "value"},
		{`{"x":"` + strings.Repeat("x", catalog.MaxValueSize) + `"}`, catalog.Policy{}, "value"},
	} {
		got, err := catalog.DecodePolicy([]byte(tt.value))
		wantFault(t, err, tt.field)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%.80s: %+v, want %+v", tt.value, got, tt.want)
		}
	}
	if p, err := catalog.DecodePolicy([]byte(`{"failover":[` + eight + `]}`)); err != nil || len(p.Failover) != catalog.MaxFailover {
		t.Errorf("%d services: %v", len(p.Failover), err)
	}
}

// TestPolicyUnmarshal: what is handed in has no member that would be lost.
func TestPolicyUnmarshal(t *testing.T) {
	t.Parallel()
	var p catalog.Policy
	if err := p.UnmarshalJSON([]byte(fullPolicyValue)); err != nil || !reflect.DeepEqual(p, fullPolicy()) {
		t.Errorf("%+v, %v", p, err)
	}
	wantFault(t, p.UnmarshalJSON([]byte(`{"ttls":5}`)), `"ttls"`)
	wantFault(t, p.UnmarshalJSON([]byte(`5`)), "policy")
}

func TestPolicyEncode(t *testing.T) {
	t.Parallel()
	full := fullPolicy()
	for want, p := range map[string]catalog.Policy{
		fullPolicyValue:   full,
		`{}`:              {},
		`{"keep_last":0}`: {KeepLast: new(uint32(0))},
	} {
		if got := string(p.EncodeValue()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestPolicyEqual(t *testing.T) {
	t.Parallel()
	distinct := []catalog.Policy{
		{},
		{TTL: 1},
		{MaxAnswers: 1},
		{MinUp: 1},
		{KeepLast: new(uint32(0))},
		{KeepLast: new(uint32(1))},
		{Alias: serviceName("a/b")},
		{Alias: serviceName("a/c")},
		{Failover: []catalog.ServiceName{serviceName("a/b")}},
		{Failover: []catalog.ServiceName{serviceName("a/b"), serviceName("a/c")}},
		fullPolicy(),
	}
	for i := range distinct {
		again, err := catalog.DecodePolicy(distinct[i].EncodeValue())
		if err != nil || !again.Equal(&distinct[i]) {
			t.Errorf("%s differs from itself: %v", distinct[i].EncodeValue(), err)
		}
		for j := range distinct {
			if distinct[i].Equal(&distinct[j]) != (i == j) {
				t.Errorf("%s and %s: equal is %v", distinct[i].EncodeValue(), distinct[j].EncodeValue(), i != j)
			}
		}
	}
}

// TestPolicyOfNone: a service without a policy has none of what one states.
func TestPolicyOfNone(t *testing.T) {
	t.Parallel()
	var none *catalog.Policy
	if none.Redirects() || none.Up() != 0 || none.KeepFor(time.Minute) != time.Minute {
		t.Error("no policy states something")
	}
	p := fullPolicy()
	if !p.Redirects() || p.Up() != 1 || p.KeepFor(time.Hour) != time.Minute {
		t.Error("a policy does not state what it has")
	}
	if p = (catalog.Policy{KeepLast: new(uint32(0)), MinUp: 1}); p.Redirects() || p.KeepFor(time.Hour) != 0 {
		t.Error("keep_last 0 is not off")
	}
	if p = (catalog.Policy{Failover: fullPolicy().Failover}); !p.Redirects() {
		t.Error("failover is no redirection")
	}
}

func TestPolicyValidateFor(t *testing.T) {
	t.Parallel()
	aliases := map[string]string{"a/one": "a/two", "a/two": "a/three", "b/one": "b/two", "b/two": "b/one"}
	aliasOf := func(n catalog.ServiceName) catalog.ServiceName { return serviceName(aliases[n.String()]) }
	for _, tt := range []struct {
		service string
		policy  catalog.Policy
		field   string
	}{
		{"a/s", fullPolicy(), ""},
		{"a/s", catalog.Policy{}, ""},
		{"a/s", catalog.Policy{MinUp: -1}, "min_up"},
		{"a/s", catalog.Policy{MaxAnswers: 65_536}, "max_answers"},
		{"shop/orders-v2", fullPolicy(), "alias"},
		{"us/orders", fullPolicy(), "failover[1]"},
		{"a/three", catalog.Policy{Alias: serviceName("a/one")}, "alias"},
		{"a/three", catalog.Policy{Alias: serviceName("a/four")}, ""},
		{"a/three", catalog.Policy{Failover: []catalog.ServiceName{serviceName("a/one")}}, ""}, // each fails over to the other
		{"b/s", catalog.Policy{Alias: serviceName("b/one")}, ""},                               // a loop of others
	} {
		wantFault(t, tt.policy.ValidateFor(serviceName(tt.service), aliasOf), tt.field)
	}
	p := catalog.Policy{Alias: serviceName("a/one")}
	if err := p.ValidateFor(serviceName("a/three"), nil); err != nil {
		t.Errorf("a reader follows the alias of an alias: %v", err)
	}
}

func TestServiceName(t *testing.T) {
	t.Parallel()
	for s, field := range map[string]string{
		"default/orders": "", "a/dns": "", "0/0": "",
		"": "", "orders": "", "dns/a": "namespace", "/a": "namespace", "a/": "name", "a/b/": "name", "A/b": "namespace", "a/b c": "name", "a/_policy": "name",
	} {
		n, err := catalog.ParseServiceName(s)
		if strings.Contains(s, "/") && field == "" {
			if err != nil || n.String() != s || n.IsZero() {
				t.Errorf("%q is %+v, %v", s, n, err)
			}
			continue
		}
		if err == nil || !n.IsZero() {
			t.Errorf("%q is taken for %+v", s, n)
		} else if field != "" {
			wantFault(t, err, field)
		}
	}
	if s := (catalog.ServiceName{}).String(); s != "" {
		t.Errorf("none is %q", s)
	}
	ordered := []string{"a/x", "a/x-y", "a/y", "a-b/x", "b/a"}
	for i := range ordered {
		for j := range ordered {
			if got := serviceName(ordered[i]).Compare(serviceName(ordered[j])); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%s and %s compare as %d", ordered[i], ordered[j], got)
			}
		}
	}
}
