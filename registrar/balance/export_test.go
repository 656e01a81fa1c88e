package balance

import "math/rand/v2"

// Seed makes the choices of a balancer those of a seed. It is then for one goroutine.
func Seed(b *Balancer, seed uint64) *Balancer {
	b.random = rand.New(rand.NewPCG(seed, 0)).Float64
	return b
}

// Shares is shares.
var Shares = shares
