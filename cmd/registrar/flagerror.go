package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// memberFlags are the flags of the members of an instance whose names differ.
var memberFlags = map[string]string{
	"addresses": "address", "ports": "port", "tags": "tag", "metadata": "meta",
}

// memberPath is the field of a catalog.FieldError about the one instance of a service, as
// in "instances[0].ports[1].name": the member, which of them, and what of it.
var memberPath = regexp.MustCompile(`^instances\[0\]\.(\w+)(?:\[(\d+)\])?(?:\.(\w+))?$`)

// flagError is an error about an instance in the words of the flags that describe it.
type flagError struct {
	err  error
	text string
}

func (e *flagError) Error() string { return e.text }
func (e *flagError) Unwrap() error { return e.err }

// byFlag words an error about an instance that was made from flags: who calls the command
// has not seen the JSON whose members the catalog names.
func byFlag(err error, in *registrar.Instance) error {
	var faults []string
	for _, field := range fieldErrors(err) {
		m := memberPath.FindStringSubmatch(field.Field)
		if m == nil {
			faults = append(faults, field.Error())
			continue
		}
		faults = append(faults, flagFor(in, m[1], m[2], m[3])+" "+field.Reason+example(in, m[1], m[2], m[3]))
	}
	if len(faults) == 0 {
		return err
	}
	return &flagError{err, strings.Join(faults, "; ")}
}

// example shows how a port without a name is given one.
func example(in *registrar.Instance, member, index, part string) string {
	p, ok := portAt(in, member, index)
	if !ok || part != "name" || p.Name != "" {
		return ""
	}
	p.Name = "web"
	return ", such as --port " + formatPort(p)
}

// portAt returns the port that a path is about.
func portAt(in *registrar.Instance, member, index string) (p registrar.Port, ok bool) {
	i, err := strconv.Atoi(index)
	if err != nil || member != "ports" || i >= len(in.Ports) {
		return registrar.Port{}, false
	}
	return in.Ports[i], true
}

// flagFor names the flag of a member, and what of it: "--port 8080/tcp: name".
func flagFor(in *registrar.Instance, member, index, part string) string {
	flag, ok := memberFlags[member]
	if !ok {
		flag = member
	}
	flag = "--" + flag
	if part == "" {
		return flag
	}
	if p, ok := portAt(in, member, index); ok {
		flag += " " + formatPort(p)
	}
	return fmt.Sprintf("%s: %s", flag, part)
}

// fieldErrors returns those in an error's tree.
func fieldErrors(err error) (found []*catalog.FieldError) {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand, since errors.As finds the first one only
	case *catalog.FieldError:
		return []*catalog.FieldError{e}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			found = append(found, fieldErrors(one)...)
		}
	case interface{ Unwrap() error }:
		return fieldErrors(e.Unwrap())
	}
	return found
}
