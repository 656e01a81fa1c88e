package weightedrandom

import (
	"errors"
	"math"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/resolver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// child returns an endpoint whose picker fails with its name.
func child(name string, weighs uint32, state connectivity.State) endpointsharding.ChildState {
	e := resolver.Endpoint{}
	if weighs > 0 {
		e = weight.Set(e, weight.EndpointInfo{Weight: weighs})
	}
	return endpointsharding.ChildState{
		Endpoint: e, State: balancer.State{ConnectivityState: state, Picker: base.NewErrPicker(errors.New(name))},
	}
}

// TestShares: each endpoint that is ready gets exactly its part of the numbers.
func TestShares(t *testing.T) {
	t.Parallel()
	const ready = connectivity.Ready
	for name, tt := range map[string]struct {
		children []endpointsharding.ChildState
		want     map[string]int
	}{
		"by weight":       {[]endpointsharding.ChildState{child("a", 3, ready), child("b", 1, ready)}, map[string]int{"a": 3, "b": 1}},
		"without weights": {[]endpointsharding.ChildState{child("a", 0, ready), child("b", 0, ready)}, map[string]int{"a": 1, "b": 1}},
		"those ready": {[]endpointsharding.ChildState{
			child("a", 3, connectivity.Connecting), child("b", 2, ready), child("c", 5, connectivity.TransientFailure), child("d", 4, ready),
		}, map[string]int{"b": 2, "d": 4}},
	} {
		p := newPicker(tt.children)
		total := p.ends[len(p.ends)-1]
		got := map[string]int{}
		for n := range total {
			_, err := p.pickers[p.index(n)].Pick(balancer.PickInfo{})
			got[err.Error()]++
		}
		for id, n := range tt.want {
			if got[id] != n || len(got) != len(tt.want) {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
		}
	}
}

// TestLargeWeights: the sum of weights doesn't overflow.
func TestLargeWeights(t *testing.T) {
	t.Parallel()
	p := newPicker([]endpointsharding.ChildState{
		child("a", math.MaxUint32, connectivity.Ready), child("b", math.MaxUint32, connectivity.Ready),
	})
	seen := map[string]bool{}
	for range 1000 {
		_, err := p.Pick(balancer.PickInfo{})
		seen[err.Error()] = true
	}
	if len(seen) != 2 {
		t.Errorf("picked %v of two", seen)
	}
}

func BenchmarkPick(b *testing.B) {
	children := make([]endpointsharding.ChildState, 1000)
	for i := range children {
		children[i] = child(strings.Repeat("a", i%10), uint32(1+i), connectivity.Ready)
	}
	p := newPicker(children)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Pick(balancer.PickInfo{})
	}
}
