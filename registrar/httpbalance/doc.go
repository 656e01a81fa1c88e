// Package httpbalance sends HTTP requests to instances of services.
//
// A client takes URLs whose host names a service in place of a machine:
//
//	client := httpbalance.NewClient(registry)
//	response, err := client.Get("http://orders.roster/v1/orders/7")
//
// The host is SERVICE.roster or SERVICE.NAMESPACE.roster; WithSuffix replaces the last
// label. Requests to other hosts are passed on as they are. Each request goes to one of
// the service's instances, which package balance picks: by default the less loaded one of
// two. All of an application's requests should share one Transport, as what is known of
// the instances is in there.
//
// # Ports
//
// The port is the TCP port that the instance has under the name of the URL's scheme, "http"
// or "https", else its first one. Another name is set by
// WithBalance(balance.WithPort("admin")). The URL has no port: a URL can't have a name for
// one, and the registry knows the number. One that has a port is refused with
// registrar.ErrInvalid.
//
// # Host and TLS
//
// The URL stays as it is: only the connection goes to the instance's address. So the Host
// header, cookies, redirects and errors show the name that the program uses; WithHost sets
// another Host header. With https the server name, which the certificate of each instance
// must be valid for, is that of the URL as well, such as "orders.roster"; another one, a
// private certificate authority or a check of one's own are set in TLSClientConfig of
// WithTransport. Instances are connected to directly, never through a proxy.
//
// # Other tries
//
// An instance that can't be connected to has not seen the request: another one is tried,
// whatever the method. Where a request was sent but failed, or was answered with 502, 503
// or 504, another instance is tried only if the request can be repeated: if its method is
// idempotent (GET, HEAD, OPTIONS, TRACE, PUT, DELETE; RFC 9110, 9.2.2) or it has the
// header Idempotency-Key or X-Idempotency-Key. In either case a body must be one that can
// be sent again: Request.GetBody, which http.NewRequest sets for buffers and strings.
// What comes of the last try is the response. Tries after the first that reach an instance
// are bounded for each request (WithRetries), and for the requests to a service together
// (WithRetryBudget), so that they can't multiply the load on a service that is failing.
//
// # Instances that leave
//
// An instance that is draining, down or gone gets no new request. Its idle connections
// are closed at the next request to the service; requests in flight go on, and their
// connections are closed after them. So instances that are drained before they stop lose
// no request.
//
// # Errors
//
// Errors are those of http.Transport of the last try, registrar.ErrInvalid for a URL, and
// those of GetService: registrar.ErrNotFound where no instance is up,
// registrar.ErrUnavailable and so on. All are for errors.Is, also within the *url.Error of
// an http.Client.
package httpbalance
