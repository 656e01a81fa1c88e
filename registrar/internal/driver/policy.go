package driver

import (
	"context"

	"github.com/rosterdns/roster/catalog"
)

// Policy implements request.Driver.
func (d *driver) Policy(ctx context.Context, service catalog.ServiceName) (catalog.Policy, error) {
	p, err := d.ready()
	if err != nil {
		return catalog.Policy{}, err
	}
	return p.policies.Get(ctx, service)
}

// ChangePolicy implements request.Driver.
func (d *driver) ChangePolicy(ctx context.Context, service catalog.ServiceName, change func(*catalog.Policy)) (policy catalog.Policy, changed bool, err error) {
	p, err := d.ready()
	if err != nil {
		return catalog.Policy{}, false, err
	}
	return p.policies.Update(ctx, service, change)
}

// DeletePolicy implements request.Driver.
func (d *driver) DeletePolicy(ctx context.Context, service catalog.ServiceName) error {
	p, err := d.ready()
	if err != nil {
		return err
	}
	return p.policies.Delete(ctx, service)
}
