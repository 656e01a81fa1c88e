package balance

// shares returns which share of the requests of a client in a locality each locality
// gets, by the formula of WithLocality. weights has the sum of the weights of each one's
// instances, none 0.
func shares(weights map[string]float64, own string) map[string]float64 {
	total, demand := 0.0, 0.0
	for locality, weight := range weights {
		total += weight
		if locality != "" {
			demand++ // the number of localities in which clients are
		}
	}
	share := make(map[string]float64, len(weights))
	if own == "" || weights[own] == 0 {
		for locality, weight := range weights {
			share[locality] = weight / total
		}
		return share
	}
	share[own] = min(1, weights[own]/total*demand)
	residual, residuals := map[string]float64{}, 0.0
	for locality, weight := range weights {
		r := weight / total
		if locality != "" {
			r -= 1 / demand
		}
		if locality != own && r > 0 {
			residual[locality] = r
			residuals += r
		}
	}
	for locality, r := range residual {
		share[locality] = (1 - share[own]) * r / residuals
	}
	return share
}
