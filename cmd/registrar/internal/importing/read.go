// Package importing brings a registry to what a file says: it reads files of services,
// finds out what differs, and writes that, fenced against concurrent changes.
package importing

import (
	"errors"
	"fmt"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/document"
	"github.com/rosterdns/roster/cmd/registrar/internal/export"
)

// Read reads the services in a text in the form of package export, and makes them ready to
// be written. Errors are ErrInvalid, and say for each fault in which file and on which line
// it is.
func Read(path string, text []byte, namespace string) ([]*export.Service, error) {
	file, err := document.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var services []*export.Service
	var faults []error
	for i := range file.Objects {
		var given export.Service
		err := given.UnmarshalJSON(file.Objects[i].JSON)
		var s *export.Service
		if err == nil {
			s, err = given.Prepare(namespace)
		}
		faults = append(faults, locate(path, &file.Objects[i], err)...)
		services = append(services, s)
	}
	if len(faults) == 0 {
		faults = duplicates(path, file, services)
	}
	return services, joinFirst(faults)
}

// duplicates says which services are there twice.
func duplicates(path string, file document.File, services []*export.Service) (faults []error) {
	first := map[catalog.ServiceName]int{}
	for i, s := range services {
		if line, twice := first[s.FullName()]; twice {
			faults = append(faults, fmt.Errorf("%s:%d: %w: service %s is also on line %d", path, file.Objects[i].Line("name"), catalog.ErrInvalid, s.FullName(), line))
			continue
		}
		first[s.FullName()] = file.Objects[i].Line("name")
	}
	return faults
}

// locate returns the faults that an error joins, each with its place.
func locate(path string, o *document.Object, err error) (faults []error) {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			faults = append(faults, locate(path, o, e)...)
		}
		return faults
	}
	line := o.Line("")
	if fault, ok := errors.AsType[*catalog.FieldError](err); ok {
		line = o.Line(fault.Field)
	}
	return []error{fmt.Errorf("%s:%d: %w", path, line, err)}
}

// maxFaults bounds how many faults an error spells out: as many as a person corrects at a
// time.
const maxFaults = 10

func joinFirst(faults []error) error {
	if more := len(faults) - maxFaults; more > 0 {
		faults = append(faults[:maxFaults:maxFaults], fmt.Errorf("and %d more faults: %w", more, catalog.ErrInvalid))
	}
	return errors.Join(faults...)
}
