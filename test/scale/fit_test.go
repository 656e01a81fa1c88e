package main

import (
	"math"
	"testing"
)

// made returns samples of 2 + 3 K + 0.5 K·√C, of which every second one is off by a share.
func made(off float64) (samples []sample) {
	for _, servers := range []float64{1, 10, 50} {
		for i, changes := range []float64{0, 100, 1000} {
			v := variables{C: changes, K: servers}
			value := 2 + 3*v.K + 0.5*v.K*math.Sqrt(v.C)
			if i%2 == 1 {
				value *= 1 + off
			}
			samples = append(samples, sample{v, value})
		}
	}
	return samples
}

func TestFit(t *testing.T) {
	t.Parallel()
	f, ok := fit(made(0), one, inK, inC, rootCK)
	if !ok || f.worst > 1e-6 || f.samples != 9 {
		t.Fatalf("got %+v, %t; want an exact fit of 9 samples", f, ok)
	}
	if got, want := f.at(variables{C: 400, K: 20}), 262.0; math.Abs(got-want) > 1e-3 {
		t.Errorf("at 20 servers and 400 changes %v, want %v", got, want)
	}
	if f, ok := fit(made(0.1), one, inK, rootCK); !ok || f.worst < 0.03 || f.worst > 0.1 {
		t.Errorf("with samples that are off by a tenth: %+v, %t", f, ok)
	}
}

// TestFitCostsNothingLessThanNothing: a cost that falls is one that doesn't depend.
func TestFitCostsNothingLessThanNothing(t *testing.T) {
	t.Parallel()
	f, ok := fit([]sample{{variables{C: 0}, 5}, {variables{C: 100}, 4.9}, {variables{C: 200}, 4.7}}, one, inC)
	if !ok || len(f.terms) != 1 || f.String() == "" || f.at(variables{C: 200}) < 4.7 {
		t.Errorf("got %s, %t; want a constant", f.String(), ok)
	}
}

func TestFitNeedsSamples(t *testing.T) {
	t.Parallel()
	same := sample{variables{C: 100}, 5}
	for _, samples := range [][]sample{nil, {same}, {same, same, same}} {
		if f, ok := fit(samples, one, inC); ok {
			t.Errorf("%d samples of one load: %s, want none", len(samples), f.String())
		}
	}
}

func TestFormula(t *testing.T) {
	t.Parallel()
	f := fitted{terms: []term{one, inM, rootCK}, coefficients: []float64{1.5, 123.45, 2}}
	if got, want := f.String(), "1.5 + 123 M/10⁶ + 2 K·√C"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
