package faults_test

import (
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// loud is an instance so large that a watch of it stands out in what a proxy
// carries.
func loud(n int) harness.Instance {
	in := changing("loud", n+1)
	in.Metadata = map[string]string{}
	for key := range strings.SplitSeq("abcdefghijklmno", "") {
		in.Metadata[key] = strings.Repeat("x", 250)
	}
	return in
}

// watched says through which of its proxies the mirror watches etcd: the one
// that carries what changes.
func (r *rig) watched(t *testing.T) int {
	t.Helper()
	var before []int64
	for _, p := range r.proxies {
		before = append(before, p.Carried())
	}
	for n := range 10 {
		r.put(t, loud(n))
	}
	r.equal(t, equalBound, settled)
	busiest := 0
	carried := func(i int) int64 { return r.proxies[i].Carried() - before[i] }
	for i := range r.proxies {
		if carried(i) > carried(busiest) {
			busiest = i
		}
	}
	return busiest
}
