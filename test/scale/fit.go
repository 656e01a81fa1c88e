package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// variables are those of the cost model.
type variables struct {
	M float64 // instances
	C float64 // changes a second
	K float64 // servers
}

// term is a product of variables that a cost is proportional to.
type term struct {
	name string
	of   func(variables) float64
}

// The terms of fits. Those with a root are of what is done once for several changes: the
// more there are, the more of them come together.
var (
	one    = term{"", func(variables) float64 { return 1 }}
	inM    = term{"M/10⁶", func(v variables) float64 { return v.M / 1e6 }}
	inC    = term{"C", func(v variables) float64 { return v.C }}
	inK    = term{"K", func(v variables) float64 { return v.K }}
	rootC  = term{"√C", func(v variables) float64 { return math.Sqrt(v.C) }}
	rootCK = term{"K·√C", func(v variables) float64 { return v.K * math.Sqrt(v.C) }}
)

// sample is a figure with the variables that it was measured at.
type sample struct {
	variables
	value float64
}

// fitted is a cost as a sum of terms.
type fitted struct {
	terms        []term
	coefficients []float64
	// worst is the largest deviation of a sample from it, as a share of the sample or, if
	// that is more, of floor.
	worst   float64
	samples int
}

// floorShare is the share of the mean of all samples that a sample counts as at least: one
// close to 0, which is mostly noise, would outweigh all others.
const floorShare = 0.1

// fit returns the sum of terms with the least squares of relative deviations. A term that
// would cost less than nothing is left out. It reports false if there are fewer samples than
// terms, or if they don't differ enough.
func fit(samples []sample, terms ...term) (fitted, bool) {
	if len(samples) < len(terms) {
		return fitted{}, false
	}
	mean := 0.0
	for _, s := range samples {
		mean += s.value / float64(len(samples))
	}
	scale := func(s sample) float64 { return max(s.value, floorShare*mean) }
	for len(terms) > 0 {
		matrix := normal(samples, terms, scale)
		x, ok := solve(matrix)
		if !ok {
			return fitted{}, false
		}
		if least := slices.Min(x); least < 0 {
			i := slices.Index(x, least)
			terms = slices.Delete(slices.Clone(terms), i, i+1)
			continue
		}
		f := fitted{terms: terms, coefficients: x, samples: len(samples)}
		for _, s := range samples {
			f.worst = max(f.worst, math.Abs(f.at(s.variables)-s.value)/scale(s))
		}
		return f, true
	}
	return fitted{}, false
}

// normal returns the normal equations of the least squares, each with its right side last.
func normal(samples []sample, terms []term, scale func(sample) float64) [][]float64 {
	n := len(terms)
	matrix := make([][]float64, n)
	for i := range matrix {
		matrix[i] = make([]float64, n+1)
		for _, s := range samples {
			weight := terms[i].of(s.variables) / (scale(s) * scale(s))
			for j := range terms {
				matrix[i][j] += weight * terms[j].of(s.variables)
			}
			matrix[i][n] += weight * s.value
		}
	}
	return matrix
}

// singular is the share of a pivot that rounding can leave of one that is 0.
const singular = 1e-12

// solve solves linear equations by elimination, without exchanges: normal equations need none.
func solve(matrix [][]float64) (x []float64, ok bool) {
	n := len(matrix)
	for i := range n {
		first := matrix[i][i]
		for k := range i {
			factor := matrix[i][k] / matrix[k][k]
			for j := k; j <= n; j++ {
				matrix[i][j] -= factor * matrix[k][j]
			}
		}
		if !(matrix[i][i] > singular*first) {
			return nil, false
		}
	}
	x = make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		x[i] = matrix[i][n]
		for j := i + 1; j < n; j++ {
			x[i] -= matrix[i][j] * x[j]
		}
		x[i] /= matrix[i][i]
	}
	return x, true
}

// at returns the cost of a load.
func (f *fitted) at(v variables) (sum float64) {
	for i, t := range f.terms {
		sum += f.coefficients[i] * t.of(v)
	}
	return sum
}

// String is the sum as a formula.
func (f *fitted) String() string {
	parts := make([]string, 0, len(f.terms))
	for i, t := range f.terms {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%.3g %s", f.coefficients[i], t.name)))
	}
	return strings.Join(parts, " + ")
}
