package main

import (
	"fmt"
	"slices"
)

// source is the registry that an imported file comes from.
type source string

// The registries.
const (
	sourceRoster source = "roster"
	sourceConsul source = "consul"
	sourceSkyDNS source = "skydns"
)

// String implements pflag.Value.
func (s *source) String() string { return string(*s) }

// Type implements pflag.Value.
func (s *source) Type() string { return "source" }

// Set implements pflag.Value.
func (s *source) Set(text string) error {
	if !slices.Contains([]source{sourceRoster, sourceConsul, sourceSkyDNS}, source(text)) {
		return fmt.Errorf("must be one of %s, %s, %s", sourceRoster, sourceConsul, sourceSkyDNS)
	}
	*s = source(text)
	return nil
}
