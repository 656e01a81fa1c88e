package roster

import "github.com/rosterdns/roster/internal/services"

// question is what was asked, and what it is answered from.
type question struct {
	name
	*zone
	qname string // in lower case
	qtype uint16
	ttls  ttls
	gen   *services.Generation
	nets  *netFilter
	// own is what is served of the service that the name is about, or nil where it
	// is about none or none is there.
	own *servedService
	// answering is what is served of the service whose instances answer for it.
	answering *servedService
	// client is who asks, and localities are where clients can be.
	client     client
	localities []localityNet
	// limit is that of answers for a service.
	limit limit
}
