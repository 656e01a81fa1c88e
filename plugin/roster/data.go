package roster

import "github.com/miekg/dns"

// maxName is the length of a name on the wire in octets (RFC 1035, 2.3.4).
const maxName = 255

// dataOf returns a record's data on the wire, without compression. Names in what
// this plugin answers are in lower case. What can't be packed is not sent either.
func dataOf(rr dns.RR) []byte {
	wire := make([]byte, dns.Len(rr))
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return nil
	}
	owner, err := dns.PackDomainName(rr.Header().Name, make([]byte, maxName+1), 0, nil, false)
	if err != nil {
		return nil
	}
	const fixed = 10 // type, class, TTL and length
	return wire[owner+fixed : end]
}
