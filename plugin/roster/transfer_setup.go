package roster

import (
	"errors"
	"fmt"

	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"
)

// transferPlugin returns the transfer plugin of the server block, or nil. It is there
// when the server starts.
func (cfg *config) transferPlugin() *transfer.Transfer {
	if cfg.server == nil {
		return nil
	}
	t, _ := cfg.server.Handler("transfer").(*transfer.Transfer)
	return t
}

// checkTransfers returns what keeps zones from being transferred that are to be.
func (b *blocks) checkTransfers() error {
	for _, cfg := range b.configs {
		if cfg.transferPlugin() == nil {
			continue
		}
		if err := cfg.checkTransfer(); err != nil {
			return err
		}
	}
	return nil
}

// checkTransfer says what is wrong with the name servers of zones that are transferred:
// the addresses of this server alone are of no use to the clients of others.
func (cfg *config) checkTransfer() error {
	if len(cfg.nameServers) == 0 {
		return cfg.errorAt("ns", errors.New("is missing: the transfer plugin of this server block needs ns NAME IP for each name server"))
	}
	for _, ns := range cfg.nameServers {
		if len(ns.addresses) > 0 {
			continue
		}
		for _, o := range cfg.origins {
			if dns.IsSubDomain(o, ns.name) {
				return cfg.errorAt("ns", fmt.Errorf("%s has no address: the transfer plugin of this server block needs ns %s IP", ns.name, ns.name))
			}
		}
	}
	return nil
}

// startNotifying starts to notify the secondaries of all zones.
func (b *blocks) startNotifying() {
	for i, cfg := range b.configs {
		t := cfg.transferPlugin()
		if t == nil {
			continue
		}
		for _, zone := range cfg.origins {
			n := &notifier{zone: zone, Roster: b.handlers[i], send: t.Notify}
			b.waits.Go(func() { n.run(b.ctx) })
		}
	}
}
