// Package render writes files from templates over services, and writes them again when
// the services change.
package render

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/rosterdns/roster/registrar"
)

// Source is where a template gets its services from. What is asked for is followed from
// then on.
type Source interface {
	// Service returns the instances of a service; it reports false while they are unknown.
	Service(name string) ([]registrar.Instance, bool)
	// Services returns the names of the services of a namespace, and of all for the empty
	// one, as NAMESPACE/SERVICE; it reports false while they are unknown.
	Services(namespace string) ([]string, bool)
}

// Template is a text/template with functions for services.
type Template struct {
	parsed    *template.Template
	namespace string // of services given without one
	min       int
}

// Parse parses a template. Its name is what errors call it. Services that are given
// without a namespace are in the given one; each has at least min instances, or there is
// no result. The error is registrar.ErrInvalid.
func Parse(name, text, namespace string, min int) (*Template, error) {
	t := &Template{namespace: namespace, min: min}
	parsed, err := template.New(name).Option("missingkey=zero").Funcs((&run{template: t}).functions()).Parse(text)
	if err != nil {
		return nil, invalid(err)
	}
	t.parsed = parsed
	return t, nil
}

// invalid makes the error of a template one of this program.
func invalid(err error) error {
	return fmt.Errorf("%w template %s", registrar.ErrInvalid, strings.TrimPrefix(err.Error(), "template: "))
}

// Result is what a template comes to.
type Result struct {
	Text []byte
	// Services and Lists are what the template has asked for: names of services in full,
	// and namespaces whose services it has listed.
	Services, Lists map[string]bool
	// Unknown says that something of it is unknown yet, so that Text is of no use.
	Unknown bool
	// Few are the services with too few instances, so that Text should not be used, in
	// order.
	Few []string
	// Wrong says that the template asks for what can't be: it fails whatever there is.
	Wrong bool
}

// Run runs the template. The error is registrar.ErrInvalid and names a line of the
// template; the result then says what was asked for up to there.
func (t *Template) Run(source Source) (Result, error) {
	r := &run{template: t, source: source, result: Result{Services: map[string]bool{}, Lists: map[string]bool{}}}
	clone, err := t.parsed.Clone()
	if err != nil {
		return r.result, invalid(err)
	}
	var text bytes.Buffer
	err = clone.Funcs(r.functions()).Execute(&text, nil)
	r.result.Text = text.Bytes()
	slices.Sort(r.result.Few)
	r.result.Few = slices.Compact(r.result.Few)
	switch {
	case err == nil:
		return r.result, nil
	case r.result.Unknown && !r.result.Wrong:
		return r.result, nil // it can be due to what is unknown
	default:
		return r.result, invalid(err)
	}
}

// run is one run of a template.
type run struct {
	template *Template
	source   Source
	result   Result
}

// functions returns all functions of the template.
func (r *run) functions() template.FuncMap {
	functions := plainFunctions()
	functions["service"] = r.service
	functions["optional"] = r.optional
	functions["services"] = r.services
	return functions
}

// service is the function of that name.
func (r *run) service(name string) ([]registrar.Instance, error) {
	instances, full, err := r.ask(name)
	if err == nil && len(instances) < r.template.min {
		r.result.Few = append(r.result.Few, full)
	}
	return instances, err
}

// optional is the function of that name.
func (r *run) optional(name string) ([]registrar.Instance, error) {
	instances, _, err := r.ask(name)
	return instances, err
}

// ask returns the instances of a service, and its name in full.
func (r *run) ask(name string) (instances []registrar.Instance, full string, err error) {
	parsed, err := registrar.ParseName(name, r.template.namespace)
	if err != nil {
		r.result.Wrong = true
		return nil, "", err
	}
	full = parsed.String()
	r.result.Services[full] = true
	instances, known := r.source.Service(full)
	if !known {
		r.result.Unknown = true
	}
	return instances, full, nil
}

// services is the function of that name.
func (r *run) services(namespaces ...string) ([]string, error) {
	if len(namespaces) > 1 {
		r.result.Wrong = true
		return nil, fmt.Errorf("%w: %d namespaces: give one, or none for all", registrar.ErrInvalid, len(namespaces))
	}
	namespace := strings.Join(namespaces, "")
	r.result.Lists[namespace] = true
	names, known := r.source.Services(namespace)
	if !known {
		r.result.Unknown = true
	}
	return names, nil
}
