package main

import (
	"net/netip"
	"strings"

	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
)

// relocate registers the instance at addresses that were found, in place of those from
// before. Without any it is unregistered until there are some: packets to an address
// that this machine no longer has reach nobody, or somebody else. An error is of what
// can't be registered from the start.
func (h *holder) relocate(f localaddr.Found) error {
	before := h.addresses()
	if len(f.Addresses) == 0 {
		h.withdraw(f.Err())
		return nil
	}
	services, err := h.instance.at(h.name, f.Addresses)
	switch {
	case err != nil && before == nil:
		return err
	case err != nil:
		h.warnf("warning: %s: it stays registered at %s", withHint(err), addressList(before))
		return nil
	case before != nil && addressList(before) != addressList(f.Addresses):
		h.warnf("the address of this machine changed from %s to %s", addressList(before), addressList(f.Addresses))
	}
	if len(f.Missing) > 0 {
		h.warnf("waiting for a further address: %s", withHint(f.Err()))
	}
	h.remark(f)
	h.services = services
	h.narrator.know(services)
	h.handover.set(services)
	return nil
}

// withdraw unregisters the instance while this machine has no address for it.
func (h *holder) withdraw(err error) {
	if h.services == nil {
		h.warnf("waiting for an address to register: %s", withHint(err))
		return
	}
	h.warnf("this machine has no address to register any more: %s: unregistering %s until it has one", withHint(err), h.summary())
	h.services = nil
	h.handover.set(nil)
}

// addresses are those that are registered; nil if none are.
func (h *holder) addresses() []netip.Addr {
	if len(h.services) == 0 {
		return nil
	}
	return h.services[0].Instances[0].Addresses
}

func addressList(addresses []netip.Addr) string {
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}
