package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// parsePort reads [NAME:]PORT[/PROTO].
func parsePort(s string) (registrar.Port, error) {
	rest, protocol, hasProtocol := strings.Cut(s, "/")
	if !hasProtocol {
		protocol = catalog.ProtocolTCP
	}
	name, number, named := strings.Cut(rest, ":")
	if !named {
		name, number = "", rest
	}
	if named && name == "" {
		return registrar.Port{}, fmt.Errorf("%q has no name before ':': use [NAME:]PORT[/PROTO]", s)
	}
	if err := catalog.CheckPortName("name", name); err != nil {
		return registrar.Port{}, err
	}
	if protocol != catalog.ProtocolTCP && protocol != catalog.ProtocolUDP {
		return registrar.Port{}, fmt.Errorf("protocol %q is neither tcp nor udp", protocol)
	}
	port, err := parseNumber[uint16](number, 1)
	if err != nil {
		return registrar.Port{}, err
	}
	return registrar.Port{Name: name, Port: port, Protocol: protocol}, nil
}

// formatPort is the opposite of parsePort.
func formatPort(p registrar.Port) string {
	s := strconv.Itoa(int(p.Port)) + "/" + p.Protocol
	if p.Name != "" {
		s = p.Name + ":" + s
	}
	return s
}

// parseMeta reads KEY=VALUE. A value can hold '='; a key can't.
func parseMeta(s string) (key, value string, err error) {
	key, value, found := strings.Cut(s, "=")
	if !found || key == "" {
		return "", "", fmt.Errorf("%q is not KEY=VALUE", s)
	}
	return key, value, nil
}

// parseNumber reads a whole number from low up to what T holds.
func parseNumber[T uint16 | uint32](s string, low T) (T, error) {
	high := ^T(0)
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n < uint64(low) || n > uint64(high) {
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", s, low, high)
	}
	return T(n), nil
}
