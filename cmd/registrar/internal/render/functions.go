package render

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/rosterdns/roster/registrar"
)

// plainFunctions are the functions of templates that need nothing but their arguments. What
// they work on comes last, so that they can be used in a pipeline.
func plainFunctions() template.FuncMap {
	return template.FuncMap{
		"up":       up,
		"withPort": withPort,
		"port":     port,
		"addrPort": addrPort,
		"hostPort": hostPort,

		"json":    toJSON,
		"sort":    sorted,
		"join":    join,
		"replace": replace,
		"env":     os.Getenv,
	}
}

// up returns the instances that are up.
func up(instances []registrar.Instance) []registrar.Instance {
	return filter(instances, (*registrar.Instance).Up)
}

// withPort returns the instances that have a port of a name.
func withPort(name string, instances []registrar.Instance) []registrar.Instance {
	return filter(instances, func(in *registrar.Instance) bool {
		_, ok := in.PortNamed(name)
		return ok
	})
}

func filter(instances []registrar.Instance, holds func(*registrar.Instance) bool) []registrar.Instance {
	var found []registrar.Instance
	for i := range instances {
		if holds(&instances[i]) {
			found = append(found, instances[i])
		}
	}
	return found
}

// port returns the number of an instance's port.
func port(name string, in registrar.Instance) (uint16, error) {
	p, ok := in.PortNamed(name)
	if !ok {
		return 0, fmt.Errorf("instance %q has no port %q: filter with withPort", in.ID, name)
	}
	return p.Port, nil
}

// addrPort returns an instance's first address and its port, as in "10.0.0.7:8080".
func addrPort(name string, in registrar.Instance) (string, error) {
	if _, err := port(name, in); err != nil {
		return "", err
	}
	a, ok := in.AddrPort(name)
	if !ok {
		return "", fmt.Errorf("instance %q has a host in place of addresses: use hostPort", in.ID)
	}
	return a.String(), nil
}

// hostPort is addrPort, and returns an instance's host where it has one.
func hostPort(name string, in registrar.Instance) (string, error) {
	if _, err := port(name, in); err != nil {
		return "", err
	}
	text, _ := in.HostPort(name)
	return text, nil
}

// toJSON returns a value as JSON on one line.
func toJSON(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

// sorted returns texts in order.
func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }

func join(separator string, texts []string) string { return strings.Join(texts, separator) }

func replace(from, to, text string) string { return strings.ReplaceAll(text, from, to) }
