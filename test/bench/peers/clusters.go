package peers

import (
	"context"

	"github.com/rosterdns/roster/test/bench/load"
)

// clustersBlocks are of one zone, whose namespaces are in two clusters: names of the second
// one's namespace are in a block of their own.
const clustersBlocks = load.Zone + `:{{.Port}} {
	bind 127.0.0.1
	errors
	ready 127.0.0.1:{{.Ready}}
	roster {
		endpoint {{index .Clusters 0}}
		prefix {{.Prefix}}
		namespaces {{index .Namespaces 0}}
	}
}
{{index .Namespaces 1}}.` + load.Zone + `:{{.Port}} {
	bind 127.0.0.1
	errors
	roster ` + load.Zone + ` {
		endpoint {{index .Clusters 1}}
		prefix {{.Prefix}}
		namespaces {{index .Namespaces 1}}
	}
}
`

// Clusters says what a Roster of two clusters reads of each.
type Clusters struct {
	Endpoints, Namespaces [2]string
	Prefix                string
}

// Clusters starts Roster with two clusters, and waits until it is ready.
func (k Kit) Clusters(ctx context.Context, c Clusters) (*Server, error) {
	return k.coredns(ctx, "roster-clusters", k.Programs.Roster, clustersBlocks, config{Clusters: c.Endpoints, Namespaces: c.Namespaces, Prefix: c.Prefix})
}
