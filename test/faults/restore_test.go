package faults_test

import (
	"fmt"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// TestRestore restores a backup, so that what was written after it is undone:
// the mirror equals etcd ten seconds after contact, whether the revision moves
// backward or not.
func TestRestore(t *testing.T) {
	t.Parallel()
	large := 1000 // as comparing all of it is much work for a machine that runs other tests
	if harness.Soaking() {
		large = bulkServices
	}
	for name, test := range map[string]struct {
		// bump is etcdutl's --bump-revision, with --mark-compacted.
		bump uint64
		// overtake writes so much before the mirror is back that the revision is
		// higher than the mirror has seen.
		overtake bool
		// services, of ten instances each, make it a large registry.
		services int
	}{
		"older revision":           {},
		"older revision, large":    {services: large},
		"older revision, overtook": {overtake: true},
		"bumped revision":          {bump: 1_000_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{proxied: true})
			fill(t, r.etcd.Client(), test.services)
			repeat(t, 1, func() { r.restore(t, test.bump, test.overtake) })
			r.stopStreams(t)
			r.equal(t, equalBound, few)
			harness.Eventually(t, equalBound, "DNS serving as many as etcd holds", r.counts(t))
		})
	}
}

// few are all instances but those of a large registry, which nothing changes.
func few(in harness.Instance) bool { return in.Namespace != bulk(0, 0).Namespace }

// undoneWrites is how many writes a restore undoes: more than the stream of
// registrations makes until the mirror has to be equal, so that the revision
// doesn't catch up where that is not what is tested.
const undoneWrites = 800

func (r *rig) restore(t *testing.T, bump uint64, overtake bool) {
	t.Helper()
	compared := func(in harness.Instance) bool { return settled(in) && few(in) }
	undone, replaced := changing("undone", 1), changing("replaced", 1)
	r.remove(t, undone)
	r.put(t, replaced)
	r.put(t, changing("deleted", 1))
	backup := r.etcd.Backup(t)
	r.remove(t, changing("deleted", 1)) // comes back
	r.put(t, changing("replaced", 2))   // is 1 again
	for i := range undoneWrites {
		undone.Ports[0].Port = i + 1
		r.put(t, undone)
	}
	r.equal(t, equalBound, compared)
	seen := r.etcd.Revision(t)

	r.proxies[0].Refuse()
	r.etcd.Kill(t)
	r.etcd.Restore(t, backup, bump)
	r.etcd.Restart(t)
	restored := r.etcd.Revision(t)
	if (restored > seen) != (bump > 0) {
		t.Errorf("restored to revision %d from %d: not what is tested", restored, seen)
	}
	if overtake {
		for i := 0; r.etcd.Revision(t) <= seen; i++ {
			r.put(t, changing(fmt.Sprintf("overtaking-%d", i%3), i+1))
		}
	}
	serial := r.serial(t)
	r.proxies[0].Accept(t)
	equal := r.equal(t, equalBound, compared)
	t.Logf("revision %d, restored to %d, and at %d at contact: equal %v after contact", seen, restored, r.etcd.Revision(t), equal)
	r.waitState(t, liveBound, "live")
	if now := r.serial(t); !notBefore(now, serial) {
		t.Errorf("the SOA serial went back from %d to %d", serial, now)
	}
}
