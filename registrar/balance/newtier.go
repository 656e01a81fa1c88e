package balance

import (
	"slices"
	"strings"
)

// newTier returns a tier of some targets, at least one, of which it sets what follows
// from the others.
func newTier(targets []target, own string) tier {
	slices.SortStableFunc(targets, func(a, b target) int { return strings.Compare(a.locality, b.locality) })
	weights := map[string]float64{}
	for _, t := range targets {
		weights[t.locality] += t.weight
	}
	share := shares(weights, own)
	for first, end := 0, 0; first < len(targets); first = end {
		locality := targets[first].locality
		for end < len(targets) && targets[end].locality == locality {
			end++
		}
		for i := first; i < end; i++ {
			t := &targets[i]
			t.first, t.end = first, end
			t.relative = t.weight * float64(end-first) / weights[locality]
			t.share = share[locality] * t.weight / weights[locality]
		}
	}
	return tier{targets, ends(targets)}
}

// ends returns for each target the sum of the shares up to and with it.
func ends(targets []target) []float64 {
	sums, sum := make([]float64, len(targets)), 0.0
	for i, t := range targets {
		sum += t.share
		sums[i] = sum
	}
	return sums
}
