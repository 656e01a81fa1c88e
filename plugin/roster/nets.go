package roster

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
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

// netFilter shows services without the addresses that a block doesn't serve. Nil
// takes nothing out. It is safe for concurrent use.
type netFilter struct {
	nets
	// key is a string: filters that are equal share what they have made of a
	// version of a service.
	key any

	mu     sync.Mutex
	logged map[string]string // what was logged of an instance, by its key
}

// maxLogged bounds what is remembered to be logged. Beyond it some is told twice.
const maxLogged = 10_000

func newNetFilter(n nets) *netFilter {
	if len(n.allow) == 0 && len(n.deny) == 0 {
		return nil
	}
	return &netFilter{nets: n, key: fmt.Sprint(n), logged: map[string]string{}}
}

// of returns what is served of a service: the same selection for all blocks that
// serve it whole, and nil where nothing is left. It is made once for each version
// that is asked for.
func (f *netFilter) of(s *services.Service) *selection {
	if s == nil {
		return nil
	}
	a := attachmentOf(s)
	if f == nil {
		return &a.whole
	}
	made, ok := a.filtered.Load(f.key)
	if !ok {
		made, _ = a.filtered.LoadOrStore(f.key, f.filter(s, &a.whole))
	}
	return made.(*selection)
}

func (f *netFilter) filter(s *services.Service, whole *selection) *selection {
	denied := func(a netip.Addr) bool { return !f.serves(a) }
	var served []*catalog.Instance
	same := true
	for in := range s.All() {
		if slices.ContainsFunc(in.Addresses, denied) {
			same = false
			f.report(s, in)
			left := slices.DeleteFunc(slices.Clone(in.Addresses), denied)
			if len(left) == 0 {
				continue
			}
			changed := *in
			changed.Addresses = left
			in = &changed
		}
		served = append(served, in)
	}
	switch {
	case same:
		return whole
	case len(served) == 0:
		return nil
	}
	return &selection{service: s, served: served}
}

// report counts the addresses of an instance that are not served, and logs them
// once for as long as they stay the same.
func (f *netFilter) report(s *services.Service, in *catalog.Instance) {
	var denied []string
	for _, a := range in.Addresses {
		if !f.serves(a) {
			denied = append(denied, a.String())
		}
	}
	key, what := s.Namespace+"/"+s.Name+"/"+in.ID, strings.Join(denied, " ")
	f.mu.Lock()
	known := f.logged[key] == what
	if !known {
		if len(f.logged) >= maxLogged {
			clear(f.logged)
		}
		f.logged[key] = what
	}
	f.mu.Unlock()
	if known {
		return
	}
	deniedAddresses.Add(float64(len(denied)))
	logger.Warn("instance has addresses that allow_net and deny_net keep from being served", "key", key, "addresses", what)
}
