package main

import (
	"errors"
	"strings"
	"sync"

	"github.com/rosterdns/roster/cmd/registrar/internal/dnsserver"
)

// dnsWait is --wait-dns: the DNS servers that are to show what is registered.
type dnsWait struct{ servers []dnsserver.Server }

// parse adds the servers of a flag.
func (w *dnsWait) parse(value string) error {
	for s := range strings.SplitSeq(value, ",") {
		server, err := dnsserver.Parse(s)
		if err != nil {
			return err
		}
		w.servers = append(w.servers, server)
	}
	return nil
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
