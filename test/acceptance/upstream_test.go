//go:build acceptance

package acceptance_test

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/miekg/dns"
)

// The resolver behind the server, and the one name that it knows.
const (
	upstreamAddress = "127.0.0.9:53"
	externalName    = "external.example."
	externalAddress = "192.0.2.77"
)

// upstream is the resolver that the server forwards to.
func upstream([]string) int {
	mux := dns.NewServeMux()
	mux.HandleFunc(".", func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetRcode(q, dns.RcodeNameError)
		if q.Question[0].Name == externalName {
			m.Rcode = dns.RcodeSuccess
			if q.Question[0].Qtype == dns.TypeA {
				rr, err := dns.NewRR(externalName + " 60 IN A " + externalAddress)
				if err != nil {
					panic(err) // a constant
				}
				m.Answer = []dns.RR{rr}
			}
		}
		_ = w.WriteMsg(m) // who asked asks again
	})
	server := &dns.Server{Addr: upstreamAddress, Net: "udp", Handler: mux, NotifyStartedFunc: func() { fmt.Println("serving") }}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		_ = server.Shutdown()
	}()
	if err := server.ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
