package registrar

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

var drivers = struct {
	sync.Mutex
	byName map[string]func() Registry
}{byName: map[string]func() Registry{}}

// RegisterDriver makes a driver known under a name, for Open. Drivers call it
// when they are imported. It panics if new is nil or the name is taken.
func RegisterDriver(name string, new func() Registry) {
	drivers.Lock()
	defer drivers.Unlock()
	if new == nil {
		panic(fmt.Sprintf("registrar: RegisterDriver(%q): new is nil", name))
	}
	if _, taken := drivers.byName[name]; taken {
		panic(fmt.Sprintf("registrar: RegisterDriver(%q): the name is taken", name))
	}
	drivers.byName[name] = new
}

// Open returns a client of the driver with the name: "etcd", "memory", "dns" or
// another that the program imports. It does no network I/O, so that a backend
// that is away is no error; ctx bounds Open alone. Errors are ErrInvalid: an
// unknown driver, or options that break a rule.
func Open(ctx context.Context, name string, opts ...Option) (*Client, error) {
	drivers.Lock()
	new, known := drivers.byName[name]
	names := slices.Sorted(maps.Keys(drivers.byName))
	drivers.Unlock()
	if !known {
		return nil, unknownDriver(name, names)
	}
	registry := new()
	if err := registry.Init(ctx, opts...); err != nil {
		return nil, err
	}
	return NewClient(registry), nil
}

// modulePath is where the drivers of this module are.
const modulePath = "github.com/rosterdns/roster/registrar/"

func unknownDriver(name string, registered []string) error {
	have := "none is registered"
	if len(registered) > 0 {
		have = "registered: " + strings.Join(registered, ", ")
	}
	hint := "the package of the driver"
	if name == "etcd" || name == "memory" || name == "dns" {
		hint = `_ "` + modulePath + name + `"`
	}
	return fmt.Errorf("registrar: unknown driver %.100q (%s): import %s: %w", name, have, hint, ErrInvalid)
}
