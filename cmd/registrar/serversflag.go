package main

import (
	"context"
	"sync"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/cmd/registrar/internal/dnsserver"
)

// servers is --server: DNS servers to ask.
type servers struct{ list []dnsserver.Server }

// add defines the flag.
func (s *servers) add(cmd *cobra.Command, usage string) {
	cmd.Flags().Func("server", usage, func(value string) error {
		list, err := dnsserver.ParseList(value)
		s.list = append(s.list, list...)
		return err
	})
	mustComplete(cmd, "server", nil)
}

// statusOf is what a server says of itself, or why it says nothing.
type statusOf struct {
	server dnsserver.Server
	dnsserver.Status
	err error
}

// statuses asks the servers at once.
func statuses(ctx context.Context, servers []dnsserver.Server, zone string) []statusOf {
	list := make([]statusOf, len(servers))
	var wg sync.WaitGroup
	for i, server := range servers {
		wg.Go(func() {
			list[i].server = server
			list[i].Status, list[i].err = server.Status(ctx, zone)
		})
	}
	wg.Wait()
	return list
}
