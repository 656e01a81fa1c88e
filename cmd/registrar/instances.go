package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// parseName parses the SERVICE of commands that write.
func parseName(arg, namespace string) (registrar.ServiceName, error) {
	name, err := registrar.ParseName(arg, namespace)
	if err == nil && name.Selects() {
		err = usagef("SERVICE %q: selectors are only for reading", arg)
	}
	return name, err
}

// namesInstance reports whether an argument is an instance in full, as messages write
// it: NAMESPACE/SERVICE/ID.
func namesInstance(arg string) bool { return strings.Count(arg, "/") == 2 }

// instances checks that the arguments of a command name instances: SERVICE ID..., or
// NAMESPACE/SERVICE/ID....
func instances(cmd *cobra.Command, args []string) error {
	if err := notTooLong(args); err != nil {
		return err
	}
	if len(args) > 0 && namesInstance(args[0]) {
		return nil
	}
	return exactly("SERVICE", "ID")(cmd, args[:min(len(args), 2)])
}

// notTooLong refuses a name with more parts than that of an instance has.
func notTooLong(args []string) error {
	for _, arg := range args {
		if strings.Count(arg, "/") > 2 {
			return usagef("%q has too many parts: give SERVICE ID..., NAMESPACE/SERVICE ID... or NAMESPACE/SERVICE/ID...", arg)
		}
	}
	return nil
}

// parseInstances parses such arguments. Each instance is in the result once.
func parseInstances(args []string, namespace string) (names []instanceName, err error) {
	var service registrar.ServiceName
	full := namesInstance(args[0])
	if !full {
		if service, err = parseName(args[0], namespace); err != nil {
			return nil, err
		}
		args = args[1:]
	}
	for _, arg := range args {
		name := instanceName{service.Namespace, service.Service, arg}
		if full {
			if name, err = parseInstance(arg); err != nil {
				return nil, err
			}
		}
		if err := catalog.CheckLabel("ID", name.id); err != nil {
			return nil, err
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// parseInstance parses NAMESPACE/SERVICE/ID.
func parseInstance(arg string) (instanceName, error) {
	i := strings.LastIndexByte(arg, '/')
	if !namesInstance(arg) {
		return instanceName{}, usagef("%q is not NAMESPACE/SERVICE/ID, as the first one is", arg)
	}
	service, err := catalog.ParseServiceName(arg[:i])
	if err != nil {
		return instanceName{}, fmt.Errorf("instance %q: %w", arg, err)
	}
	return instanceName{service.Namespace, service.Name, arg[i+1:]}, nil
}

// parseOneService is parseInstances for commands that take instances of one service.
func parseOneService(args []string, namespace string) (service registrar.ServiceName, ids []string, err error) {
	names, err := parseInstances(args, namespace)
	if err != nil {
		return registrar.ServiceName{}, nil, err
	}
	for _, n := range names {
		if n.ofService() != names[0].ofService() {
			return registrar.ServiceName{}, nil, usagef("%s and %s are of two services: run the command for each service", names[0], n)
		}
		ids = append(ids, n.id)
	}
	return registrar.ServiceName{Namespace: names[0].namespace, Service: names[0].service}, ids, nil
}

// ofService returns the service of an instance.
func (n instanceName) ofService() catalog.ServiceName {
	return catalog.ServiceName{Namespace: n.namespace, Name: n.service}
}

// byService returns instances, of which only the IDs are known, as services, in the
// order in which they come.
func byService(names []instanceName) (list []*registrar.Service) {
	for _, n := range names {
		i := slices.IndexFunc(list, func(s *registrar.Service) bool { return s.Namespace == n.namespace && s.Name == n.service })
		if i < 0 {
			i = len(list)
			list = append(list, &registrar.Service{Namespace: n.namespace, Name: n.service})
		}
		list[i].Instances = append(list[i].Instances, registrar.Instance{ID: n.id})
	}
	return list
}

// namesOf returns the instances of a service, of which only the IDs are known.
func namesOf(s *registrar.Service) []instanceName {
	names := make([]instanceName, len(s.Instances))
	for i := range s.Instances {
		names[i] = instanceName{s.Namespace, s.Name, s.Instances[i].ID}
	}
	return names
}

// notThere is ErrNotFound of instances.
func notThere(doing string, names ...instanceName) error {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = n.String()
	}
	return fmt.Errorf("%s %s: %w: to see its instances, run: registrar get '%s?status=any'",
		doing, strings.Join(texts, ", "), registrar.ErrNotFound, names[0].ofService())
}
