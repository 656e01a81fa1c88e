package roster

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/plugin"
)

// innerZones returns the zones of other server blocks that lie within the origins.
func (b *blocks) innerZones(origins []string) ([]string, error) {
	if b.zones == nil {
		zones, err := corefileZones(b)
		if err != nil {
			return nil, err
		}
		b.zones = newZoneTree(zones)
	}
	var inner []string
	for _, o := range origins {
		inner = append(inner, b.zones.below[o]...)
	}
	slices.Sort(inner)
	return slices.Compact(inner), nil
}

// corefileZones returns the zones of all server blocks of the Corefile whose
// roster directives are b; none where b is not of a server, as in tests. CoreDNS
// doesn't tell a plugin of blocks that it isn't in, so that the Corefile is
// parsed again, once.
func corefileZones(b *blocks) ([]string, error) {
	for _, inst := range caddy.Instances() {
		inst.StorageMu.RLock()
		found := inst.Storage[storageKey{}]
		inst.StorageMu.RUnlock()
		if found != b {
			continue
		}
		in := inst.Caddyfile()
		parsed, err := caddyfile.Parse(in.Path(), bytes.NewReader(in.Body()), caddy.ValidDirectives(in.ServerType()))
		if err != nil {
			return nil, fmt.Errorf("reading the zones of all server blocks: %w", err)
		}
		var zones []string
		for _, block := range parsed {
			for _, key := range block.Keys {
				zones = append(zones, plugin.Host(key).NormalizeExact()...)
			}
		}
		return zones, nil
	}
	return nil, nil
}
