//go:build !timing

package roster

// togetherBound only ends a test that hangs: time is judged with the build tag
// timing.
const togetherBound = deadline
