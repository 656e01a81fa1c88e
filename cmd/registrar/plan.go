package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/localaddr"
	"github.com/rosterdns/roster/registrar"
)

// checkLease refuses what the library would, by the flag's name.
func (r *registration) checkLease() error {
	if r.lease < registrar.MinLeaseTTL || r.lease > registrar.MaxLeaseTTL || r.lease%time.Second != 0 {
		return usagef("--lease %v must be from %v to %v, in whole seconds", r.lease, registrar.MinLeaseTTL, registrar.MaxLeaseTTL)
	}
	return nil
}

// prepare finds out what to register, and waits, at most for --timeout, until this
// machine has an address for it.
func (r *registration) prepare(ctx context.Context, args []string) error {
	if err := r.plan(args); err != nil {
		return err
	}
	if r.source == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.globals.timeout)
	defer cancel()
	found, err := r.source.Await(ctx, func(err error) { r.warnf("waiting for an address: %s", withHint(err)) })
	if err != nil {
		return r.noAddress(err)
	}
	r.remark(found)
	r.services, err = r.instance.at(r.name, found.Addresses)
	return err
}

// plan finds out what to register: services, or the source of the addresses of one.
func (r *registration) plan(args []string) (err error) {
	if r.file != "" {
		r.services, err = readServices(r.file, r.stdin, r.namespace())
		if err == nil && r.namespaceGiven {
			err = r.checkNamespace()
		}
	} else {
		err = r.planFlags(args[0])
	}
	if err != nil || !r.static {
		return err
	}
	for _, s := range r.services {
		for i := range s.Instances {
			s.Instances[i].Static = true
		}
	}
	r.instance.instance.Static = true
	return nil
}

// checkNamespace refuses a file with a namespace other than that of -n: one of
// them is a mistake, and the wrong one would take over other instances.
func (r *registration) checkNamespace() error {
	for _, s := range r.services {
		if s.Namespace != r.namespace() {
			return usagef("--namespace %s: service %q in file %q has namespace %q: remove one of them", r.namespace(), s.Name, r.file, s.Namespace)
		}
	}
	return nil
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

// noAddress is the error of a command that ends without having found an address.
func (r *registration) noAddress(err error) error {
	if len(r.instance.addresses) > 0 {
		return &usageError{err} // which names the flag
	}
	return fmt.Errorf("registering %v: %w", r.name, err)
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
