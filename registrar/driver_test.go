package registrar

import (
	"errors"
	"strings"
	"testing"
)

func TestUnknownDriver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		registered []string
		want       string
	}{
		{"etcd", nil, `unknown driver "etcd" (none is registered): import _ "github.com/rosterdns/roster/registrar/etcd"`},
		{"memory", []string{"etcd"}, `unknown driver "memory" (registered: etcd): import _ "github.com/rosterdns/roster/registrar/memory"`},
		{"a\x00", []string{"etcd", "memory"}, `unknown driver "a\x00" (registered: etcd, memory): import the package of the driver`},
	} {
		err := unknownDriver(tt.name, tt.registered)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %q, want %q", tt.name, err, tt.want)
		}
	}
	if n := len(unknownDriver(strings.Repeat("x", 1<<20), nil).Error()); n > 500 {
		t.Errorf("the message has %d bytes", n)
	}
}
