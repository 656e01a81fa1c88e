// Package prometheus has metrics of a registrar's client, for Prometheus.
//
//	observer, err := prometheus.New(prom.DefaultRegisterer) // prom is client_golang/prometheus
//	…
//	client, err := registrar.Open(ctx, "etcd", registrar.WithObserver(observer))
//
// The metrics:
//
//	roster_client_lookups_total              calls of GetService, by result and name
//	roster_client_lookup_wait_seconds        how long those of them waited that waited for
//	                                         the backend: the first ones for a service
//	roster_client_request_duration_seconds   requests to the backend, by operation (read,
//	                                         write, grant, revoke, audit) and result
//	roster_client_registrations              instances that the client was asked to register,
//	                                         by state: registered is the good one; pending,
//	                                         superseded, failed, unregistering
//	roster_clients                           clients, by contact with the backend: made, lost,
//	                                         or none so far, as before the first call
//
// Results are ok and the reasons of errors: not_found, invalid, permission, unavailable,
// closed, canceled (by the caller, or as the client closed), other. A look-up can be
// stale besides: it has an answer, which may be out of date.
//
// # Names
//
// The label name of look-ups is empty but for the names that WithNames lists. A name can
// come from a request, or select by a tag, so that there is no end of them, and each would
// be one time series more for each result, for as long as the process runs.
//
// # Several clients
//
// Each client has its own Observer, as it has its own contact and registrations.
// Observers that register with one Registerer share their metrics, which are then sums.
// To tell clients apart, or to have the metrics start with another word, wrap it:
//
//	prom.WrapRegistererWith(prom.Labels{"client": "orders"}, registerer)
//	prom.WrapRegistererWithPrefix("shop_", registerer)
//
// Prometheus has it that a metric has the same labels everywhere in a program: a label for
// one client alone makes New return an error for the next.
//
// # Alerts
//
// Answers stay what they were while the backend is away, so none of these is a reason to
// wake anybody by itself.
//
//	groups:
//	- name: roster-client
//	  rules:
//	  - alert: RosterClientLostContact
//	    expr: roster_clients{contact="lost"} > 0
//	    for: 5m
//	    annotations:
//	      summary: "{{ $labels.instance }} finds services by what it knew when it lost contact with the registry."
//	  - alert: RosterClientRefused
//	    expr: increase(roster_client_request_duration_seconds_count{result="permission"}[5m]) > 0
//	    for: 5m
//	    annotations:
//	      summary: "The registry refuses {{ $labels.instance }}: check its user and its role."
//	  - alert: RosterInstanceNotRegistered
//	    expr: roster_client_registrations{state=~"pending|superseded|failed"} > 0
//	    for: 5m
//	    annotations:
//	      summary: "{{ $value }} instances of {{ $labels.instance }} are not found: {{ $labels.state }}."
//	  - alert: RosterLookupsFail
//	    expr: rate(roster_client_lookups_total{result=~"unavailable|permission"}[5m]) > 0
//	    for: 5m
//	    annotations:
//	      summary: "{{ $labels.instance }} gets no answer for a service: {{ $labels.result }}."
package prometheus
