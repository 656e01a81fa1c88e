package main

import (
	"context"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/cmd/registrar/internal/dnsserver"
)

// servers is --server: DNS servers to ask.
type servers struct{ list []dnsserver.Server }

// add defines the flag.
func (s *servers) add(cmd *cobra.Command, usage string) {
	cmd.Flags().Func("server", usage, func(value string) error {
		for one := range strings.SplitSeq(value, ",") {
			server, err := dnsserver.Parse(one)
			if err != nil {
				return err
			}
			s.list = append(s.list, server)
		}
		return nil
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
