package catalog_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

// typicalValue is the value of an instance as most writers write it.
const typicalValue = `{"addresses":["10.0.0.7","2001:db8::7"],` +
	`"ports":[{"name":"http","port":8080,"protocol":"tcp"},{"name":"metrics","port":9090,"protocol":"tcp"}],` +
	`"weight":100,"priority":0,"ttl":5,"locality":"az1","tags":["canary","blue"],` +
	`"metadata":{"region":"eu-west","version":"1.2.3"},"status":"up"}`

// typical is what typicalValue decodes to under the ID "a".
func typical() catalog.Instance {
	return catalog.Instance{
		ID:        "a",
		Addresses: addrs("10.0.0.7", "2001:db8::7"),
		Ports:     []catalog.Port{{Name: "http", Port: 8080, Protocol: "tcp"}, {Name: "metrics", Port: 9090, Protocol: "tcp"}},
		Weight:    100,
		TTL:       5,
		Locality:  "az1",
		Tags:      []string{"canary", "blue"},
		Metadata:  map[string]string{"version": "1.2.3", "region": "eu-west"},
		Status:    catalog.StatusUp,
	}
}

// minimal is an instance with nothing that could be left out, normalized.
func minimal() catalog.Instance {
	return catalog.Instance{ID: "a", Addresses: addrs("10.0.0.7"), Weight: catalog.DefaultWeight, Status: catalog.StatusUp}
}

func addrs(ss ...string) []netip.Addr {
	as := make([]netip.Addr, len(ss))
	for i, s := range ss {
		as[i] = netip.MustParseAddr(s)
	}
	return as
}

// repeat returns n results of f.
func repeat[T any](n int, f func(i int) T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = f(i)
	}
	return out
}

func numbered(format string) func(int) string {
	return func(i int) string { return fmt.Sprintf(format, i) }
}

// hostOf returns a hostname of n characters whose labels are as long as they
// can be.
func hostOf(n int) string {
	h := strings.Repeat(strings.Repeat("h", catalog.MaxLabel)+".", n/(catalog.MaxLabel+1)+1)[:n]
	if strings.HasSuffix(h, ".") {
		panic("hostOf: ends in a dot")
	}
	return h
}

// wantFault checks that err is nil where field is empty, and otherwise an
// ErrInvalid whose first FieldError is about that field and gives a reason.
func wantFault(t *testing.T, err error, field string) {
	t.Helper()
	if field == "" {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return
	}
	if err == nil {
		t.Fatalf("accepted, want an error about %s", field)
	}
	if !errors.Is(err, catalog.ErrInvalid) {
		t.Errorf("error %q is not ErrInvalid", err)
	}
	var fe *catalog.FieldError
	if !errors.As(err, &fe) {
		t.Fatalf("error %q is not a FieldError", err)
	}
	if fe.Field != field {
		t.Errorf("error %q is about %s, want %s", err, fe.Field, field)
	}
	if fe.Reason == "" || !strings.HasPrefix(fe.Error(), fe.Field+" ") {
		t.Errorf("message %q does not start with its field or has no reason", fe)
	}
}
