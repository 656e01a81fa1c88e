// Package docs tests that what the documents show is true: it takes the README's
// tour, and starts a server with every Corefile. It holds tests only.
package docs
