package roster

import (
	"testing"

	plugintest "github.com/coredns/coredns/plugin/test"
)

// BenchmarkServeDNS measures one query in the handler, without the wire: of a
// service with ten instances, by UDP with EDNS.
func BenchmarkServeDNS(b *testing.B) {
	h := serving(b, "roster", many(10))
	for name, question := range map[string]string{"A": manyA, "SRV": manySRV, "NXDOMAIN": "nope.default.svc.internal. A"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			req, w := withEDNS(query(question), 1232, false), &plugintest.ResponseWriter{}
			for b.Loop() {
				if code, err := h.ServeDNS(b.Context(), w, req); code != 0 || err != nil {
					b.Fatal(code, err)
				}
			}
		})
	}
}
