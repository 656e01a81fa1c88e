package main

import (
	"fmt"

	"github.com/rosterdns/roster/registrar"
)

// show prints what was registered in the formats for programs, with the revision at which
// it was written: one service as an object, several as an array.
func (r *registration) show(statuses []registrar.InstanceStatus) error {
	f := r.globals.output
	if f.isTable() {
		return nil
	}
	written := map[instanceName]int64{}
	for _, st := range statuses {
		written[instanceName{st.Namespace, st.Service, st.ID}] = st.Revision
	}
	shown := make([]*registrar.Service, len(r.services))
	for i, s := range r.services {
		shown[i] = s.Clone()
		for _, in := range s.Instances {
			name := instanceName{s.Namespace, s.Name, in.ID}
			shown[i].Revision = max(shown[i].Revision, written[name])
			if f == formatName {
				if _, err := fmt.Fprintln(r.stdout, name); err != nil {
					return err
				}
			}
		}
	}
	switch {
	case f == formatName:
		return nil
	case len(shown) == 1:
		return writeData(r.stdout, f, shown[0])
	}
	return writeServices(r.stdout, f, shown)
}
