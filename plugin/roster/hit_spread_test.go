package roster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/miekg/dns"
)

// spread returns questions for each of n services of ten instances, in random order,
// and the values of these.
func spread(n int, format string) (vs values, questions []*dns.Msg) {
	vs = values{}
	for i := range n {
		for j := range 10 {
			vs[fmt.Sprintf("web/s%05d/%d", i, j)] = fmt.Sprintf(`{"addresses":["10.%d.%d.%d"],"ports":[{"name":"http","port":8080}],"metadata":{"version":"1.2.3"}}`, i>>8, i&255, j)
		}
	}
	for _, i := range rand.New(rand.NewPCG(1, 0)).Perm(n) {
		questions = append(questions, query(fmt.Sprintf(format, i)))
	}
	return vs, questions
}

// BenchmarkSpreadHit is BenchmarkHit over many services, of which the processor's caches
// have few.
func BenchmarkSpreadHit(b *testing.B) {
	for _, n := range []int{1, 1_000, 10_000} {
		for _, format := range []string{"s%05d.web.svc.internal. A", "_http._tcp.s%05d.web.svc.internal. SRV"} {
			vs, questions := spread(n, format)
			h := serving(b, "roster", vs)
			b.Run(fmt.Sprintf("%s/%d", dns.TypeToString[questions[0].Question[0].Qtype], n), func(b *testing.B) {
				withWriter(b, questions[0], func(ctx context.Context, w dns.ResponseWriter, _ *dns.Msg) {
					for _, req := range questions {
						_, _ = h.ServeDNS(ctx, w, req)
					}
					b.ReportAllocs()
					i := 0
					for b.Loop() {
						if code, err := h.ServeDNS(ctx, w, questions[i%n]); code != 0 || err != nil {
							b.Error(code, err)
							return
						}
						i++
					}
				})
			})
		}
	}
}
