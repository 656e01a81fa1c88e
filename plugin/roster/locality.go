package roster

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// localityNet is a network whose clients prefer a locality.
type localityNet struct {
	net      netip.Prefix
	locality string
}

// clients says where clients are.
type clients struct {
	// nets are the networks of localities, the longest prefixes first.
	nets []localityNet
	// trusted are the networks of forwarders whose client subnet is believed.
	trusted []netip.Prefix
}

// addNets adds the networks of a locality.
func (c *clients) addNets(args []string) error {
	if len(args) < 2 {
		return errors.New("needs networks and the name of a locality, as in 10.1.0.0/16 az1")
	}
	name := args[len(args)-1]
	if err := catalog.CheckLabel("locality", name); err != nil {
		return err
	}
	var networks []netip.Prefix
	if err := parseNets(&networks, args[:len(args)-1]); err != nil {
		return err
	}
	for _, n := range networks {
		if i := slices.IndexFunc(c.nets, func(l localityNet) bool { return l.net == n }); i >= 0 {
			if c.nets[i].locality != name {
				return fmt.Errorf("%s is of the locality %q already", n, c.nets[i].locality)
			}
			continue
		}
		c.nets = append(c.nets, localityNet{n, name})
	}
	slices.SortStableFunc(c.nets, func(a, b localityNet) int { return b.net.Bits() - a.net.Bits() })
	return nil
}

// client is who asks, as far as answers depend on it.
type client struct {
	locality string
	// scope is the length of the longest prefix that decided on the locality.
	scope uint8
	// subnet is the client subnet of a query that is believed, or nil.
	subnet *dns.EDNS0_SUBNET
}

// of returns who asks, or nil where no answer depends on that.
func (c *clients) of(state *request.Request) *client {
	if len(c.nets) == 0 && len(c.trusted) == 0 {
		return nil
	}
	cl := new(client)
	a, err := netip.ParseAddr(state.IP())
	if err != nil {
		return cl
	}
	a = a.Unmap().WithZone("")
	if slices.ContainsFunc(c.trusted, func(p netip.Prefix) bool { return p.Contains(a) }) {
		cl.subnet = subnetOf(state.Req)
	}
	if cl.subnet != nil {
		var known bool
		if a, known = netip.AddrFromSlice(cl.subnet.Address); !known || cl.subnet.SourceNetmask == 0 {
			return cl // who asks doesn't tell (RFC 7871, 7.1.2)
		}
		if cl.subnet.Family == 1 {
			a = a.Unmap()
		}
	}
	cl.locality, cl.scope = c.locate(a)
	return cl
}

func subnetOf(req *dns.Msg) *dns.EDNS0_SUBNET {
	if opt := req.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if subnet, ok := o.(*dns.EDNS0_SUBNET); ok {
				return subnet
			}
		}
	}
	return nil
}

// locate returns the locality of an address, or "", and how long the prefix is that
// it has in common with all whose locality is decided by the same networks.
func (c *clients) locate(a netip.Addr) (locality string, scope uint8) {
	for _, n := range c.nets {
		switch {
		case n.net.Addr().Is4() != a.Is4():
		case n.net.Contains(a):
			scope = max(scope, uint8(n.net.Bits()))
			if locality == "" {
				locality = n.locality
			}
		default:
			scope = max(scope, commonBits(n.net.Addr(), a)+1)
		}
	}
	return locality, scope
}

// commonBits returns how many bits two addresses of a family begin with in common.
func commonBits(a, b netip.Addr) uint8 {
	x, y := a.As16(), b.As16()
	equal := 0
	for equal < len(x) && x[equal] == y[equal] {
		equal++
	}
	n := 8 * equal
	if equal < len(x) {
		n += bits.LeadingZeros8(x[equal] ^ y[equal])
	}
	return uint8(n - (8*len(x) - a.BitLen())) // As16 puts 96 bits before an IPv4 address
}

// addSubnet adds the client subnet to the OPT record of an answer, if the query's is
// believed. local says that the locality of clients plays a part in the answer.
func (cl *client) addSubnet(extra []dns.RR, local bool) {
	if cl == nil || cl.subnet == nil {
		return
	}
	subnet := *cl.subnet
	subnet.SourceScope = 0
	if local {
		subnet.SourceScope = cl.scope
	}
	for _, rr := range extra {
		if opt, ok := rr.(*dns.OPT); ok {
			opt.Option = append(opt.Option, &subnet)
		}
	}
}
