package registrar

import "github.com/rosterdns/roster/catalog"

// Service is a set of instances that offer the same thing under one name. It
// describes what to register when it is passed to Register, and is a result when
// GetService returns it. Results are shared and must not be changed; Clone
// returns a copy that can be changed and registered.
type Service = catalog.Service

// Instance is one process, or one external host, that offers a service.
type Instance = catalog.Instance

// Port is a transport endpoint of an instance.
type Port = catalog.Port
