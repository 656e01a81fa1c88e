package main

import "errors"

// text is a flag whose empty value means nothing: one is given by mistake, most
// often through a variable of a shell that is not set, and leaving the flag out
// in its place would do something else than was meant.
type text struct{ value *string }

// String implements pflag.Value.
func (t text) String() string {
	if t.value == nil {
		return "" // pflag asks a zero value
	}
	return *t.value
}

// Type implements pflag.Value.
func (text) Type() string { return "string" }

// Set implements pflag.Value.
func (t text) Set(s string) error {
	if s == "" {
		return errors.New("must not be empty: omit the flag, or set the variable that its value comes from")
	}
	*t.value = s
	return nil
}
