package services

import "github.com/rosterdns/roster/catalog"

// Filter shows a registry otherwise than it is: without some of its instances, or with
// others in their place. A Store calls it while it commits. Its methods are safe for
// concurrent use.
type Filter interface {
	// Key is the same for filters that show the same. It is not empty.
	Key() string
	// Show returns what is shown of an instance: the instance itself, another one with
	// the same ID, or nil for nothing. What it returns depends on nothing else.
	Show(in *catalog.Instance) *catalog.Instance
	// Report is told of the instances that a commit has put of which something else is
	// shown, after readers can see it.
	Report(altered []Altered)
}

// Altered is an instance of which a filter shows something else, or nothing.
type Altered struct {
	Service catalog.ServiceName
	// Old is the instance before the commit, nil if there was none, and New the one
	// after it; both are as they are without the filter.
	Old, New *catalog.Instance
}
