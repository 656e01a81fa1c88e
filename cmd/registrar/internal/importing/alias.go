package importing

import (
	"context"
	"fmt"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/export"
)

// maxAliases bounds how many aliases are followed to find a loop, as for 'registrar
// policy': readers follow one.
const maxAliases = 32

// checkAlias checks that the alias of a service doesn't lead back to it, by the policies
// of the file and those that are stored. It returns the latter, which must stay so.
func (p *planner) checkAlias(ctx context.Context, s *export.Service) (requires []fence, err error) {
	var failed error
	left := maxAliases
	err = s.Policy.ValidateFor(s.FullName(), func(other catalog.ServiceName) (alias catalog.ServiceName) {
		if policy := p.policies[other]; policy != nil {
			return policy.Alias
		}
		if left--; left < 0 {
			failed = &catalog.FieldError{Field: "policy.alias", Reason: fmt.Sprintf("is the first of more than %d aliases", maxAliases)}
			return catalog.ServiceName{}
		}
		var f fence
		f, alias, failed = p.storedAlias(ctx, other)
		requires = append(requires, f)
		return alias
	})
	if failed == nil {
		failed = catalog.Below("policy", err)
	}
	return requires, failed
}

// storedAlias returns the alias of a service by its stored policy. One that can't be read
// has none.
func (p *planner) storedAlias(ctx context.Context, service catalog.ServiceName) (fence, catalog.ServiceName, error) {
	key := catalog.PolicyKey(p.options.Prefix, service.Namespace, service.Name)
	kv := p.stored[key]
	if kv == nil {
		keys, _, err := p.store.ReadKeys(ctx, key)
		if err != nil {
			return fence{}, catalog.ServiceName{}, fmt.Errorf("looking whether the alias leads back by way of %s: %w", service, err)
		}
		if len(keys) == 0 {
			return fence{key: key}, catalog.ServiceName{}, nil
		}
		kv = keys[0]
	}
	policy, _ := catalog.DecodePolicy(kv.Value)
	return fence{key, kv.ModRevision}, policy.Alias, nil
}
