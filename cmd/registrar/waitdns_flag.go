package main

import (
	"errors"
	"sync"

	"github.com/rosterdns/roster/cmd/registrar/internal/dnsserver"
)

// dnsWait is --wait-dns: the DNS servers that are to show what is registered.
type dnsWait struct{ servers []dnsserver.Server }

// parse adds the servers of a flag.
func (w *dnsWait) parse(value string) error {
	list, err := dnsserver.ParseList(value)
	w.servers = append(w.servers, list...)
	return err
}

// each calls do for each server, at once, and waits.
func (w *dnsWait) each(do func(dnsserver.Server) error) error {
	errs := make([]error, len(w.servers))
	var wg sync.WaitGroup
	for i, s := range w.servers {
		wg.Go(func() { errs[i] = do(s) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
