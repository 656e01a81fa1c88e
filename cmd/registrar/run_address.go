package main

import (
	"context"
	"errors"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
)

const (
	// addressBase and addressLimit bound the pause before an address is looked for again:
	// soon enough for a network that comes up with the machine.
	addressBase  = 100 * time.Millisecond
	addressLimit = 2 * time.Second
	// addressWait is how long the command waits to be told its address.
	addressWait = time.Second
)

// awaitAddress finds out what to register, if it isn't known yet. An address that is
// missing can come.
func awaitAddress(ctx context.Context, r *registration, arg string) error {
	pause := backoff.New(addressBase, addressLimit)
	for said := false; len(r.services) == 0; {
		services, err := r.fromFlags(ctx, arg)
		switch {
		case err == nil:
			r.services = services
		case ctx.Err() != nil || !errors.Is(err, registrar.ErrUnavailable) && !errors.Is(err, registrar.ErrNotFound):
			return err
		default:
			if !said {
				r.warnf("warning: %v; waiting for an address", err)
			}
			said = true
			if err := pause.Wait(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitAddressSoon is awaitAddress for as long as the command can wait. An address that is
// still missing then is no error.
func awaitAddressSoon(ctx context.Context, r *registration, arg string) error {
	soon, cancel := context.WithTimeout(ctx, addressWait)
	defer cancel()
	err := awaitAddress(soon, r, arg)
	if soon.Err() != nil {
		return nil
	}
	return err
}
