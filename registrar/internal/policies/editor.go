// Package policies reads and writes the policies of services in etcd. What they
// mean is up to those who answer.
package policies

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/optimistic"
)

// Editor reads and writes policies. It is safe for concurrent use. Its errors are
// ErrInvalid, ErrNotFound, and those of optimistic.Editor; they leave it to the caller to say
// which service.
type Editor struct {
	// Keys changes keys.
	Keys optimistic.Editor
	// Prefix is that of the registry.
	Prefix string
}

// Get returns the policy of a service. The error is ErrNotFound also where what is
// stored can't be read.
func (e *Editor) Get(ctx context.Context, service catalog.ServiceName) (policy catalog.Policy, err error) {
	err = e.run(ctx, service, func(ctx context.Context, a *attempt) error {
		value, err := a.read(ctx, service)
		switch {
		case err != nil:
			return err
		case value == nil:
			return optimistic.Refuse(registrar.ErrNotFound)
		}
		if policy, err = catalog.DecodePolicy(value); err != nil {
			return optimistic.Refuse(fmt.Errorf("%w: readers ignore the stored one: %s", registrar.ErrNotFound, err.Error())) // not ErrInvalid: the caller made no mistake
		}
		return nil
	})
	return policy, err
}

// Update changes the policy of a service, the zero value where there is none, and
// returns what it is then, and whether that is something else than before. What
// others change at the same time is not lost: change is called again with theirs. A
// result that breaks a rule is ErrInvalid, such as an alias that leads back to the
// service. A stored policy with members that this version doesn't know stays as it
// is, since they would be lost.
func (e *Editor) Update(ctx context.Context, service catalog.ServiceName, change func(*catalog.Policy)) (policy catalog.Policy, changed bool, err error) {
	err = e.run(ctx, service, func(ctx context.Context, a *attempt) error {
		before, err := a.stored(ctx, service)
		if err != nil {
			return err
		}
		policy = before
		policy.Failover = slices.Clone(before.Failover)
		change(&policy)
		if policy.Equal(&before) {
			return nil
		}
		changed = true // and stays so where only the answer gets lost
		if err := a.check(ctx, &policy, service); err != nil {
			return err
		}
		return a.Commit(ctx, optimistic.Put(a.key(service), policy.EncodeValue()))
	})
	return policy, changed, err
}

// Delete removes the policy of a service, also one that can't be read.
func (e *Editor) Delete(ctx context.Context, service catalog.ServiceName) error {
	sent := false
	return e.run(ctx, service, func(ctx context.Context, a *attempt) error {
		value, err := a.read(ctx, service)
		switch {
		case err != nil:
			return err
		case value == nil && sent:
			return nil // by the deletion whose answer was lost
		case value == nil:
			return optimistic.Refuse(registrar.ErrNotFound)
		}
		sent = true
		return a.Commit(ctx, optimistic.Delete(a.key(service)))
	})
}

// run makes attempts at a service's policy.
func (e *Editor) run(ctx context.Context, service catalog.ServiceName, do func(context.Context, *attempt) error) error {
	if err := errors.Join(catalog.CheckNamespace(service.Namespace), catalog.CheckLabel("name", service.Name)); err != nil {
		return err
	}
	return e.Keys.Run(ctx, func(ctx context.Context, a *optimistic.Attempt) error {
		return do(ctx, &attempt{a, e.Prefix})
	})
}
