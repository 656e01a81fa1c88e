package main

import (
	"context"
	"fmt"
)

// prepare finds out what to register, and waits, at most for --timeout, until this
// machine has an address for it.
func (r *register) prepare(ctx context.Context, args []string) error {
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
func (r *register) plan(args []string) (err error) {
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
func (r *register) checkNamespace() error {
	for _, s := range r.services {
		if s.Namespace != r.namespace() {
			return usagef("--namespace %s: service %q in file %q has namespace %q: remove one of them", r.namespace(), s.Name, r.file, s.Namespace)
		}
	}
	return nil
}

// noAddress is the error of a command that ends without having found an address.
func (r *register) noAddress(err error) error {
	if len(r.instance.addresses) > 0 {
		return &usageError{err} // which names the flag
	}
	return fmt.Errorf("registering %v: %w", r.name, err)
}
