// Package docs tests that what the documents show is true: it takes the README's
// tour, starts a server with every Corefile, and looks up the tests, metrics and
// lines of logs that documents name. It holds tests only.
package docs
