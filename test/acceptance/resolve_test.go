//go:build acceptance

package acceptance_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
)

// resolve prints what the resolver of package net finds for a type and a name, one
// record a line, or how it says that there is nothing.
func resolve(args []string) int {
	records, err := resolveByNet(context.Background(), args[0], args[1])
	var failed *net.DNSError
	switch {
	case err == nil:
		fmt.Println(strings.Join(append([]string{"found"}, records...), "\n"))
	case errors.As(err, &failed):
		fmt.Println(failed.Err)
	default:
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// resolveByNet takes ANY for addresses of both families.
func resolveByNet(ctx context.Context, qtype, name string) (records []string, err error) {
	networks := map[string]string{"A": "ip4", "AAAA": "ip6", "ANY": "ip"}
	switch qtype {
	case "SRV":
		_, srvs, err := net.DefaultResolver.LookupSRV(ctx, "", "", name)
		for _, srv := range srvs {
			records = append(records, fmt.Sprintf("%d %d %d %s", srv.Priority, srv.Weight, srv.Port, srv.Target))
		}
		return records, err
	case "TXT":
		return net.DefaultResolver.LookupTXT(ctx, name)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, networks[qtype], name)
	for _, address := range addresses {
		records = append(records, address.Unmap().String())
	}
	return records, err
}

// get prints what a URL answers.
func get(args []string) int {
	resp, err := http.Get(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer resp.Body.Close()
	if _, err := os.Stdout.ReadFrom(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		fmt.Fprintln(os.Stderr, resp.Status, err)
		return 1
	}
	return 0
}
