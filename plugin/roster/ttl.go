package roster

import "github.com/rosterdns/roster/catalog"

// ttls are the settings that decide on an instance's TTL, in seconds.
type ttls struct {
	standard, lowest, highest uint32
}

// of returns the TTL of an instance's own records.
func (t ttls) of(in *catalog.Instance) uint32 {
	if in.TTL == 0 {
		return t.standard
	}
	return t.bound(in.TTL)
}

// under returns the settings for instances of a service with a policy, or nil: its
// TTL is in place of the standard one, and bounded as an instance's own.
func (t ttls) under(p *catalog.Policy) ttls {
	if p != nil && p.TTL != 0 {
		t.standard = t.bound(p.TTL)
	}
	return t
}

func (t ttls) bound(own uint32) uint32 { return min(max(own, t.lowest), t.highest) }

// ofSet returns the TTL of a record set: one for the set, the lowest (RFC 2181,
// 5.2). The bounds keep the order of what they bound, so that the lowest is
// found before they apply.
func (t ttls) ofSet(own ownTTLs) uint32 {
	switch {
	case own.lowest == 0:
		return t.standard
	case own.unstated:
		return min(t.standard, t.bound(own.lowest))
	}
	return t.bound(own.lowest)
}

// ownTTLs is what the instances of a record set state of their TTL.
type ownTTLs struct {
	lowest   uint32 // in seconds; 0 where none states one
	unstated bool   // one states none
}

func (o *ownTTLs) add(in *catalog.Instance) { o.merge(ownTTLs{in.TTL, in.TTL == 0}) }

// merge adds what other instances state.
func (o *ownTTLs) merge(other ownTTLs) {
	o.unstated = o.unstated || other.unstated
	switch {
	case other.lowest == 0:
	case o.lowest == 0:
		o.lowest = other.lowest
	default:
		o.lowest = min(o.lowest, other.lowest)
	}
}
