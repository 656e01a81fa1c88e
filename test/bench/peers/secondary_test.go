package peers

import "testing"

func TestTransfers(t *testing.T) {
	t.Parallel()
	const (
		knot = `2026-01-01T00:00:00+0000 info: [svc.internal.] AXFR, incoming, remote 127.0.0.1@53 TCP, started
2026-01-01T00:00:00+0000 info: [svc.internal.] AXFR, incoming, remote 127.0.0.1@53 TCP, finished, 0.01 seconds
2026-01-01T00:00:01+0000 info: [svc.internal.] IXFR, incoming, remote 127.0.0.1@53 TCP, started
2026-01-01T00:00:02+0000 info: [svc.internal.] IXFR, incoming, remote 127.0.0.1@53 TCP, started
`
		nsd = `[1] nsd[1]: info: xfrd: zone svc.internal committed "received update to serial 7 at 2026 from 127.0.0.1 TSIG verified with key NOKEY of 100000 bytes in 0.1 seconds"
[1] nsd[1]: info: zone svc.internal. received update to serial 8 at 2026-01-01T00:00:01 from 127.0.0.1 of 999 bytes in 0.001 seconds
[1] nsd[1]: info: zone svc.internal. received update to serial 9 at 2026-01-01T00:00:02 from 127.0.0.1 of 100010 bytes in 0.1 seconds
`
	)
	if got, want := knotTransfers(knot), (Transfers{Whole: 1, Incremental: 2}); got != want {
		t.Errorf("Knot: %+v, want %+v", got, want)
	}
	if got, want := nsdTransfers(nsd), (Transfers{Whole: 2, Incremental: 1}); got != want {
		t.Errorf("NSD: %+v, want %+v", got, want)
	}
}
