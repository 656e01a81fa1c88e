package roster

import (
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/request"
)

func TestMetadata(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", shop)
	for name, want := range map[string]string{
		"orders.default.svc.internal.":              "namespace=default service=orders",
		"A.Orders.default.svc.internal.":            "instance=a namespace=default service=orders",
		"_http._tcp.orders.default.svc.internal.":   "namespace=default port=http protocol=tcp service=orders",
		"_27016._udp.game.default.svc.internal.":    "namespace=default port=27016 protocol=udp service=game",
		"_udp.game.default.svc.internal.":           "namespace=default protocol=udp service=game",
		"default.svc.internal.":                     "namespace=default",
		"nope.default.svc.internal.":                "namespace=default service=nope",
		"svc.internal.":                             "",
		"_status.svc.internal.":                     "",
		"ns.dns.svc.internal.":                      "",
		"_http._sctp.orders.default.svc.internal.":  "",
		"x._http._tcp.orders.default.svc.internal.": "instance=x namespace=default port=http protocol=tcp service=orders",
		"orders.default.svc.example.":               "",
		`a\.b.default.svc.internal.`:                "",
	} {
		ctx := metadata.ContextWithMetadata(t.Context())
		ctx = r.Metadata(ctx, request.Request{Req: query(name + " A")})
		var got []string
		for _, label := range []string{"instance", "namespace", "port", "protocol", "service"} {
			if f := metadata.ValueFunc(ctx, "roster/"+label); f != nil {
				got = append(got, label+"="+f())
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %q, want %q", name, s, want)
		}
		if n := len(metadata.Labels(ctx)); n != len(got) {
			t.Errorf("%s: %d labels, want %d", name, n, len(got))
		}
	}
}
