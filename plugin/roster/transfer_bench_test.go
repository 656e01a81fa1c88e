package roster

import (
	"fmt"
	"testing"

	"github.com/rosterdns/roster/internal/mirror"
)

// BenchmarkTransfer makes transfers of a service of 100,000 instances: whole, and of the
// difference that one change makes.
func BenchmarkTransfer(b *testing.B) {
	const instances = 100_000
	value := func(i, weight int) []byte {
		return fmt.Appendf(nil, `{"addresses":["10.%d.%d.%d"],"ports":[{"name":"http","port":8080}],"weight":%d}`, i>>16, i>>8&255, i&255, weight)
	}
	store := emptyStore()
	var events []mirror.Event
	for i := range instances {
		events = append(events, mirror.Event{Key: fmt.Sprintf("default/many/i%d", i), Value: value(i, 1), ModRevision: 1, Lease: 1})
	}
	apply(store, 1, events...)
	r := servingRegistry(b, "roster svc.internal 10.0.0.0/8", inState(store, mirror.Live))
	apply(store, 2, mirror.Event{Key: "default/many/i7", Value: value(7, 2), ModRevision: 2, Lease: 1})
	for _, zone := range []string{"svc.internal.", "10.in-addr.arpa."} {
		for name, serial := range map[string]uint32{"whole": 0, "difference": 1} {
			b.Run(zone+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				records := 0
				for b.Loop() {
					ch, err := r.Transfer(zone, serial)
					if err != nil {
						b.Fatal(err)
					}
					for batch := range ch {
						records += len(batch)
					}
				}
				b.ReportMetric(float64(records)/float64(b.N), "records/op")
			})
		}
	}
}
