// Package health finds out whether an instance works, and has its status follow.
//
// A [Probe] looks once: [HTTP], [TCP], [GRPC] and [Exec] are probes, and so is any function
// as a [ProbeFunc]; a [Spec] says it in a text, as the command registrar takes it. A [Checker] probes
// at intervals and tells when the status changes. A [Heartbeat] is told by the program that
// it works, and takes silence for a failure. Both are a [Monitor], and [Register] keeps
// instances registered with the status that a monitor finds:
//
//	checker := &health.Checker{Probe: &health.HTTP{URL: "http://127.0.0.1:8080/healthz"}}
//	err := health.Register(ctx, client, orders, checker)
//
// The registry is written to when the status changes, and not for each probe. Nothing
// here starts a goroutine that outlives the call.
package health
