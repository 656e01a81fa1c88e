package weightedrandom

import (
	"math/rand/v2"
	"slices"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/experimental/balancer/weight"
)

// picker picks one of the endpoints that are ready. It doesn't change.
type picker struct {
	pickers []balancer.Picker
	ends    []uint64 // ends[i] is the sum of the weights up to that of pickers[i]
}

// newPicker returns a picker of the children that are ready, of which there is one at least.
func newPicker(children []endpointsharding.ChildState) *picker {
	p, total := &picker{}, uint64(0)
	for _, child := range children {
		if child.State.ConnectivityState == connectivity.Ready {
			total += uint64(max(weight.FromEndpoint(child.Endpoint).Weight, 1))
			p.pickers = append(p.pickers, child.State.Picker)
			p.ends = append(p.ends, total)
		}
	}
	return p
}

// Pick implements balancer.Picker.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	return p.pickers[p.index(rand.Uint64N(p.ends[len(p.ends)-1]))].Pick(info)
}

// index returns whose share of the weights a number below their sum is in.
func (p *picker) index(n uint64) int {
	i, _ := slices.BinarySearch(p.ends, n+1)
	return i
}
