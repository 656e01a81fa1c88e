package policies

import (
	"context"
	"errors"
	"fmt"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar/internal/optimistic"
)

// maxAliases bounds how many aliases are followed to find a loop. Readers follow
// one; etcd takes 128 compares in a transaction by default.
const maxAliases = 32

// attempt is one try at what an Editor is asked for.
type attempt struct {
	*optimistic.Attempt
	prefix string // Editor.Prefix
}

// key returns the key of a service's policy.
func (a *attempt) key(service catalog.ServiceName) string {
	return catalog.PolicyKey(a.prefix, service.Namespace, service.Name)
}

// read returns the value of a service's policy, nil if there is none.
func (a *attempt) read(ctx context.Context, service catalog.ServiceName) (value []byte, err error) {
	values, err := a.Read(ctx, a.key(service))
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

// stored returns the policy of a service as a writer has to have it: with all that
// it says. It is the zero value where there is none.
func (a *attempt) stored(ctx context.Context, service catalog.ServiceName) (policy catalog.Policy, err error) {
	value, err := a.read(ctx, service)
	if err != nil || value == nil {
		return catalog.Policy{}, err
	}
	if err := policy.UnmarshalJSON(value); err != nil {
		return catalog.Policy{}, optimistic.Refuse(errors.New("the stored one can't be changed: " + err.Error() + ": delete it first")) // not ErrInvalid: the caller made no mistake
	}
	return policy, nil
}

// check checks a policy of a service by the rules, and by the aliases of others.
func (a *attempt) check(ctx context.Context, policy *catalog.Policy, service catalog.ServiceName) error {
	var failed error
	left := maxAliases
	err := policy.ValidateFor(service, func(other catalog.ServiceName) (alias catalog.ServiceName) {
		if left--; left < 0 {
			failed = optimistic.Refuse(&catalog.FieldError{Field: "alias", Reason: fmt.Sprintf("is the first of more than %d aliases", maxAliases)})
		} else {
			alias, failed = a.alias(ctx, other)
		}
		return alias
	})
	if failed == nil && err != nil {
		failed = optimistic.Refuse(err)
	}
	return failed
}

// alias returns the alias of a service. A policy that can't be read has none.
func (a *attempt) alias(ctx context.Context, service catalog.ServiceName) (catalog.ServiceName, error) {
	value, err := a.read(ctx, service)
	if err != nil {
		return catalog.ServiceName{}, fmt.Errorf("looking whether the alias leads back by way of %s: %w", service, err)
	}
	policy, _ := catalog.DecodePolicy(value)
	return policy.Alias, nil
}
