// Package otel has metrics of a registrar's client, for OpenTelemetry.
//
//	observer, err := otel.New(meterProvider)
//	…
//	client, err := registrar.Open(ctx, "etcd", registrar.WithObserver(observer))
//
// Names, units and attributes follow OpenTelemetry's semantic conventions:
//
//	roster.client.lookups             counter, {lookup}: calls of GetService. error.type if
//	                                  there was no answer, roster.lookup.stale if that may be
//	                                  out of date, roster.lookup.name if WithNames lists it
//	roster.client.lookup.wait_time    histogram, s: how long those of them waited that waited
//	                                  for the backend: the first ones for a service
//	roster.client.request.duration    histogram, s: requests to the backend.
//	                                  roster.operation.name (read, write, grant, revoke,
//	                                  audit), error.type if it failed
//	roster.client.registration.count  up-down counter, {registration}: instances that the
//	                                  client was asked to register.
//	                                  roster.client.registration.state: registered is the good
//	                                  one; pending, superseded, failed, unregistering
//	roster.client.count               up-down counter, {client}. roster.client.contact: made,
//	                                  lost, or none so far, as before the first call
//
// An error.type is one of not_found, invalid, permission, unavailable, closed, canceled (by
// the caller, or as the client closed), _OTHER. Names are attributes only if they are
// listed: one can come from a request, or select by a tag, so that there is no end of
// them.
//
// Each client has its own Observer, as it has its own contact and registrations. Those of
// one MeterProvider add up.
//
// There are no traces: most look-ups are answered from memory in less time than a span
// takes, and requests to the backend are made in the background, for whoever asks next. A
// program that looks up within a span can measure that around the call.
package otel
