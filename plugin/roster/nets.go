package roster

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// nets are the networks whose addresses a block serves: those that are allowed,
// or all if none is stated, but for those that are denied.
type nets struct {
	allow, deny []netip.Prefix
}

// parseNets adds networks to a list. An address alone is a network of one.
func parseNets(list *[]netip.Prefix, args []string) error {
	if len(args) == 0 {
		return errors.New("needs a network such as 10.0.0.0/8")
	}
	for _, arg := range args {
		p, err := parseNet(arg)
		if err != nil {
			return err
		}
		*list = append(*list, p)
	}
	return nil
}

func parseNet(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" && !a.Is4In6() {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is not a network such as 10.0.0.0/8 or 2001:db8::/32", s)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits beyond its length: write %s", s, p.Masked())
	}
	return p, nil
}

func (n *nets) serves(a netip.Addr) bool {
	contains := func(p netip.Prefix) bool { return p.Contains(a) }
	return (len(n.allow) == 0 || slices.ContainsFunc(n.allow, contains)) && !slices.ContainsFunc(n.deny, contains)
}

func (n *nets) denies(a netip.Addr) bool { return !n.serves(a) }
