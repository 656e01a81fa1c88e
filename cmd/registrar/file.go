package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/document"
	"github.com/rosterdns/roster/registrar"
)

// maxFile bounds what is read of a file: a thousand instances of the largest size.
const maxFile = 1000 * catalog.MaxValueSize

// readServices reads the services in a file, or for "-" in stdin, and makes
// them ready to be written: namespaces and IDs are filled in, and all rules
// kept. Errors about the contents are ErrInvalid and name the file.
func readServices(path string, stdin io.Reader, namespace string) ([]*registrar.Service, error) {
	data, err := readFile("--file", path, stdin)
	if err != nil {
		return nil, err
	}
	parsed, err := parseServices(data)
	if err != nil {
		return nil, fmt.Errorf("reading services from %q: %w", path, err)
	}
	services, err := prepareAll(parsed, namespace)
	if err != nil {
		return nil, fmt.Errorf("reading services from %q: %w", path, err)
	}
	return services, nil
}

// readFile reads a file that an argument names, or for "-" stdin.
func readFile(argument, path string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, &usageError{fmt.Errorf("%s: %w", argument, err)}
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, &usageError{fmt.Errorf("%s: %w", argument, err)}
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("reading services from %q: %w: larger than %d MiB: split the file", path, registrar.ErrInvalid, maxFile>>20)
	}
	return data, nil
}

// parseServices reads the services in a text. The error is ErrInvalid.
func parseServices(data []byte) ([]*registrar.Service, error) {
	file, err := document.Parse(data)
	if err != nil {
		return nil, err
	}
	if len(file.Objects) == 0 {
		return nil, fmt.Errorf("%w: the array has no services", registrar.ErrInvalid)
	}
	services := make([]*registrar.Service, len(file.Objects))
	for i, o := range file.Objects {
		services[i] = &registrar.Service{}
		if err := services[i].UnmarshalJSON(o.JSON); err != nil {
			err = explainExport(err)
			if file.List {
				err = fmt.Errorf("services[%d]: %w", i, err)
			}
			return nil, err
		}
	}
	return services, nil
}

// explainExport adds to an error what to do with a service that export has written: it
// can have what register doesn't write, and must not leave out.
func explainExport(err error) error {
	fault, ok := errors.AsType[*catalog.FieldError](err)
	if ok && (fault.Field == `"policy"` || fault.Field == `"overrides"`) {
		return fmt.Errorf("%w: register writes instances alone: use 'registrar import'", err)
	}
	return err
}

// prepareAll validates services and fills in defaults, so that they can be
// registered. The error is ErrInvalid.
func prepareAll(parsed []*registrar.Service, namespace string) ([]*registrar.Service, error) {
	services := make([]*registrar.Service, len(parsed))
	seen := map[instanceName]bool{}
	for i, given := range parsed {
		s, err := given.Prepare(namespace)
		if err == nil && len(s.Instances) == 0 {
			err = fmt.Errorf("%w: the service has no instances", registrar.ErrInvalid)
		}
		if err != nil {
			if len(parsed) == 1 {
				return nil, err
			}
			return nil, fmt.Errorf("services[%d]: %w", i, err)
		}
		for _, in := range s.Instances {
			name := instanceName{s.Namespace, s.Name, in.ID}
			if seen[name] {
				return nil, fmt.Errorf("services[%d]: %w: instance %s appears twice", i, registrar.ErrInvalid, name)
			}
			seen[name] = true
		}
		services[i] = s
	}
	return services, nil
}

// instanceName is the full name of an instance.
type instanceName struct{ namespace, service, id string }

func (n instanceName) String() string { return n.namespace + "/" + n.service + "/" + n.id }
