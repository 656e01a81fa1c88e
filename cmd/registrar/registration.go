package main

import (
	"context"
	"net/netip"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
	"github.com/rosterdns/roster/registrar"
)

// registration is what a command registers, and how.
type registration struct {
	*app
	instance instanceFlags
	lease    time.Duration
	dns      dnsWait

	name     registrar.ServiceName // of the instance of the flags
	source   *localaddr.Source     // of its addresses; nil where they can't change
	services serviceSet            // ready to be written; none while there is no address
}

// summary names what is registered, for errors.
func (r *registration) summary() string {
	if len(r.services) == 0 {
		return r.name.String()
	}
	return r.services.summary()
}

// planFlags finds out where the instance of the flags is. Where that takes looking up
// addresses, all else is checked before.
func (r *registration) planFlags(arg string) (err error) {
	if r.name, err = parseName(arg, r.namespace()); err != nil {
		return err
	}
	if err := r.instance.check(r.name); err != nil {
		return err
	}
	if r.instance.instance.Host != "" {
		r.services, err = r.instance.at(r.name, nil)
		return err
	}
	source, err := r.machine.Source(r.instance.addresses, r.globals.endpoints)
	if err != nil {
		return usagef("--address %w", err)
	}
	addresses, fixed := source.Fixed()
	if fixed {
		r.services, err = r.instance.at(r.name, addresses)
		return err
	}
	r.source = source
	_, err = r.instance.at(r.name, []netip.Addr{documentation})
	return err
}

// documentation is an address that stands for one that is not known yet (RFC 5737).
var documentation = netip.AddrFrom4([4]byte{192, 0, 2, 1})

// remark says what is worth knowing of an address that was not given.
func (r *registration) remark(f localaddr.Found) {
	if f.Towards != "" && f.Addresses[0].IsLoopback() {
		r.warnf("the source address towards %s is %s, which only this machine can reach: use --address to register another one", f.Towards, f.Addresses[0])
	}
}

// fromFlags makes the service of the flags, at the addresses that there are now. Errors
// are ErrUnavailable or ErrNotFound while there are none.
func (r *registration) fromFlags(ctx context.Context, arg string) ([]*registrar.Service, error) {
	if err := r.planFlags(arg); err != nil || r.source == nil {
		return r.services, err
	}
	found := r.source.Look(ctx)
	if len(found.Addresses) == 0 {
		return nil, found.Err()
	}
	r.remark(found)
	return r.instance.at(r.name, found.Addresses)
}

// checkLease refuses what the library would, by the flag's name.
func checkLease(lease time.Duration) error {
	if lease < registrar.MinLeaseTTL || lease > registrar.MaxLeaseTTL || lease%time.Second != 0 {
		return usagef("--lease %v must be from %v to %v, in whole seconds", lease, registrar.MinLeaseTTL, registrar.MaxLeaseTTL)
	}
	return nil
}
