package registrar

import "github.com/rosterdns/roster/catalog"

// Service is a set of instances that offer the same thing under one name: a
// desired registration when it is given to Register, a result when GetService
// returns it. Results are shared and must not be changed; Clone makes something
// to register of one.
type Service = catalog.Service

// Instance is one process, or one external host, that offers a service.
type Instance = catalog.Instance

// Port is a transport endpoint of an instance.
type Port = catalog.Port
