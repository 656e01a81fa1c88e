package main

import (
	"io"
	"slices"

	"github.com/rosterdns/roster/registrar"
)

// writeServices writes an array, or for jsonl each service on its line. Services
// without instances are left out, since register takes none.
func writeServices(w io.Writer, f format, services []*registrar.Service) error {
	services = slices.DeleteFunc(services, func(s *registrar.Service) bool { return len(s.Instances) == 0 })
	if f != formatJSONL {
		return writeData(w, f, services)
	}
	for _, s := range services {
		if err := writeData(w, f, s); err != nil {
			return err
		}
	}
	return nil
}

// countUp counts the instances that are up: with min_up, others can answer too.
func countUp(s *registrar.Service) (n int) {
	for i := range s.Instances {
		if s.Instances[i].Up() {
			n++
		}
	}
	return n
}
