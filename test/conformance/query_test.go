package conformance

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// query is a query as a case describes it.
type query struct {
	text, name string
	networks   []string // over which it is asked
	msg        dns.Msg  // without OPT records
	edns       *dns.OPT // nil without EDNS
	opts       int      // how often edns is in the message
	optFirst   bool
	questions  int
}

func (q query) String() string { return q.text }

// defaultSize is what resolvers offer since the DNS flag day of 2020.
const defaultSize = 1232

func parseQuery(fields []string, origin string) (query, error) {
	if len(fields) < 2 {
		return query{}, fmt.Errorf("%q has no name and type", fields)
	}
	name := fields[0]
	if name == "@" {
		name = origin
	} else if !dns.IsFqdn(name) {
		name += "." + origin
	}
	qtype, err := number(fields[1], "TYPE", dns.StringToType)
	if err != nil {
		return query{}, err
	}
	q := query{text: strings.Join(append([]string{name}, fields[1:]...), " "), name: name, networks: []string{"udp", "tcp"}, questions: 1}
	q.msg.Question = []dns.Question{{Name: name, Qtype: qtype, Qclass: dns.ClassINET}}
	for _, f := range fields[2:] {
		word, value, _ := strings.Cut(f, "=")
		set, ok := modifiers[word]
		if !ok {
			return query{}, fmt.Errorf("%q is nothing that a query can have", word)
		}
		if err := set(&q, value); err != nil {
			return query{}, fmt.Errorf("%s: %w", f, err)
		}
	}
	return q, nil
}

// number is the number of a name, which can be unknown and state it (RFC 3597).
func number[T uint16 | int](name, generic string, names map[string]T) (T, error) {
	if n, ok := names[name]; ok {
		return n, nil
	}
	text, ok := strings.CutPrefix(name, generic)
	n, err := strconv.ParseUint(text, 10, 16)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is unknown", name)
	}
	return T(n), nil
}

// modifiers are what can be special about a query.
var modifiers = map[string]func(q *query, value string) error{
	"udp": func(q *query, _ string) error { q.networks = []string{"udp"}; return nil },
	"tcp": func(q *query, _ string) error { q.networks = []string{"tcp"}; return nil },
	"rd":  func(q *query, _ string) error { q.msg.RecursionDesired = true; return nil },
	"ad":  func(q *query, _ string) error { q.msg.AuthenticatedData = true; return nil },
	"cd":  func(q *query, _ string) error { q.msg.CheckingDisabled = true; return nil },
	"edns": func(q *query, value string) error {
		size := uint64(defaultSize)
		var err error
		if value != "" {
			size, err = strconv.ParseUint(value, 10, 16)
		}
		q.opt().SetUDPSize(uint16(size))
		return err
	},
	"do": func(q *query, _ string) error { q.opt().SetDo(); return nil },
	"version": func(q *query, value string) error {
		n, err := strconv.ParseUint(value, 10, 8)
		q.opt().SetVersion(uint8(n))
		return err
	},
	"ecs": func(q *query, value string) error {
		subnet, err := netip.ParsePrefix(value)
		if err != nil {
			return err
		}
		q.opt().Option = append(q.opt().Option, &dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: familyOf(subnet.Addr()), SourceNetmask: uint8(subnet.Bits()), Address: subnet.Addr().AsSlice(),
		})
		return nil
	},
	"option": func(q *query, value string) error {
		code, data, _ := strings.Cut(value, ":")
		n, err := strconv.ParseUint(code, 10, 16)
		if err != nil {
			return err
		}
		octets, err := hex.DecodeString(data)
		q.opt().Option = append(q.opt().Option, &dns.EDNS0_LOCAL{Code: uint16(n), Data: octets})
		return err
	},
	"opts": func(q *query, value string) (err error) {
		q.opt()
		q.opts, err = strconv.Atoi(value)
		return err
	},
	"opt-first": func(q *query, _ string) error { q.opt(); q.optFirst = true; return nil },
	"class": func(q *query, value string) (err error) {
		q.msg.Question[0].Qclass, err = number(value, "CLASS", dns.StringToClass)
		return err
	},
	"opcode": func(q *query, value string) (err error) {
		q.msg.Opcode, err = number(value, "OPCODE", dns.StringToOpcode)
		return err
	},
	"questions": func(q *query, value string) (err error) {
		q.questions, err = strconv.Atoi(value)
		return err
	},
}

// opt returns the OPT record of the query, which then has one.
func (q *query) opt() *dns.OPT {
	if q.edns == nil {
		q.edns = &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
		q.edns.SetUDPSize(defaultSize)
		q.opts = 1
	}
	return q.edns
}

func familyOf(a netip.Addr) uint16 {
	if a.Is4() {
		return 1
	}
	return 2
}

// message returns the query as it is sent.
func (q *query) message() *dns.Msg {
	m := q.msg.Copy()
	m.Id = dns.Id()
	m.Question = slices.Repeat(m.Question, q.questions)
	for range q.opts {
		m.Extra = append(m.Extra, q.edns)
	}
	if q.optFirst {
		m.Extra = append(m.Extra, &dns.A{Hdr: dns.RR_Header{Name: "extra.example.", Rrtype: dns.TypeA, Class: dns.ClassINET}, A: []byte{192, 0, 2, 1}})
	}
	return m
}

// limit is how many octets an answer can have.
func (q *query) limit(network string) int {
	switch {
	case network == "tcp":
		return dns.MaxMsgSize
	case q.edns == nil:
		return dns.MinMsgSize
	}
	return max(dns.MinMsgSize, min(int(q.edns.UDPSize()), defaultSize))
}
