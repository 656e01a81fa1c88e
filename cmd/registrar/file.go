package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// maxFile bounds what --file reads: a thousand instances of the largest size.
const maxFile = 1000 * catalog.MaxValueSize

// readServices reads the services in a file, or for "-" in stdin, and makes
// them ready to be written: namespaces and IDs are filled in, and all rules
// kept. Errors about the contents are ErrInvalid and name the file.
func readServices(path string, stdin io.Reader, namespace string) ([]*registrar.Service, error) {
	data, err := readFile(path, stdin)
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

func readFile(path string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--file: %w", err)}
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, &usageError{fmt.Errorf("--file: %w", err)}
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("reading services from %q: %w: larger than %d MiB: split the file", path, registrar.ErrInvalid, maxFile>>20)
	}
	return data, nil
}

// parseServices reads one service or an array of them, as JSON where the text
// starts like that and as YAML elsewhere. The error is ErrInvalid.
func parseServices(data []byte) ([]*registrar.Service, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // the byte order mark of some editors
	text := bytes.TrimSpace(data)
	if len(text) == 0 {
		return nil, fmt.Errorf("%w: the file is empty: a service is {\"name\": …, \"instances\": […]}", registrar.ErrInvalid)
	}
	if text[0] == '{' || text[0] == '[' {
		if err := checkJSON(data); err != nil {
			return nil, err
		}
	} else {
		var err error
		if text, err = yamlToJSON(data); err != nil {
			return nil, err
		}
	}
	return decodeServices(text)
}

// decodeServices reads the services in a JSON text that is well-formed.
func decodeServices(text []byte) ([]*registrar.Service, error) {
	if text[0] != '[' {
		var s registrar.Service
		if err := s.UnmarshalJSON(text); err != nil {
			return nil, err
		}
		return []*registrar.Service{&s}, nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("%w JSON: %w", registrar.ErrInvalid, err)
	}
	if len(raw) == 0 {
		return nil, fmt.Errorf("%w: the array has no services", registrar.ErrInvalid)
	}
	services := make([]*registrar.Service, len(raw))
	for i, r := range raw {
		services[i] = &registrar.Service{}
		if err := services[i].UnmarshalJSON(r); err != nil {
			return nil, fmt.Errorf("services[%d]: %w", i, err)
		}
	}
	return services, nil
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
