package driver

import (
	"context"
	"fmt"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/overrides"
	"github.com/rosterdns/roster/registrar/internal/request"
)

// Drain implements registrar.Drainer.
func (d *driver) Drain(ctx context.Context, service *registrar.Service, reason string) error {
	return d.override("draining", service, func(e *overrides.Editor, name catalog.ServiceName, ids []string) error {
		return e.Set(ctx, name, ids, catalog.Override{Status: catalog.StatusDraining, Reason: reason})
	})
}

// Undrain implements registrar.Drainer.
func (d *driver) Undrain(ctx context.Context, service *registrar.Service) error {
	return d.override("undraining", service, func(e *overrides.Editor, name catalog.ServiceName, ids []string) error {
		return e.Clear(ctx, name, ids)
	})
}

func (d *driver) override(doing string, service *registrar.Service, change func(*overrides.Editor, catalog.ServiceName, []string) error) error {
	p, err := d.ready()
	if err != nil {
		return err
	}
	target, ids, err := request.Target(doing, service, p.namespace)
	if err == nil && len(ids) == 0 {
		err = fmt.Errorf("registrar: %s %s/%s: %w", doing, target.Namespace, target.Name,
			&catalog.FieldError{Field: "instances", Reason: "are missing: name at least one"})
	}
	if err != nil {
		return err
	}
	if err := change(p.overrides, catalog.ServiceName{Namespace: target.Namespace, Name: target.Name}, ids); err != nil {
		return fmt.Errorf("registrar: %s %s/%s: %w", doing, target.Namespace, target.Name, err)
	}
	return nil
}
