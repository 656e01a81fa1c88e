//go:build acceptance

package acceptance_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
)

// lookup resolves by Go's resolver, as the environment selects it, and prints
// what it finds.
func lookup([]string) int {
	ctx := context.Background()
	for _, name := range []string{"orders.default.svc.internal", "orders"} {
		_, srvs, err := net.DefaultResolver.LookupSRV(ctx, "http", "tcp", name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		var found []string
		for _, srv := range srvs {
			found = append(found, fmt.Sprintf("%s:%d", srv.Target, srv.Port))
		}
		slices.Sort(found)
		fmt.Println("SRV", name, found)
	}
	for _, name := range []string{"orders", "orders.default.svc.internal", "a.orders", externalName} {
		addrs, err := net.DefaultResolver.LookupHost(ctx, name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		slices.Sort(addrs)
		fmt.Println("host", name, addrs)
	}
	if addrs, err := net.DefaultResolver.LookupHost(ctx, "nobody"); err == nil {
		fmt.Fprintln(os.Stderr, "nobody has addresses:", addrs)
		return 1
	}
	return 0
}
