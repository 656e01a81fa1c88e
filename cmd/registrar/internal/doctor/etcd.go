package doctor

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rosterdns/roster/cmd/registrar/internal/cluster"
	"github.com/rosterdns/roster/internal/etcdclient"
)

// oldestEtcd is the first version of etcd that is supported: 3 and this minor version.
const oldestEtcd = 4

// fullShare is the share of the quota of space from which on there is little time left:
// at all of it etcd refuses writes.
const fullShare = 0.8

// Etcd judges the members of etcd; listErr is why there may be others.
func Etcd(members []cluster.Member, listErr error) (findings []Finding) {
	answers, unlisted, leaders := 0, 0, 0
	versions := map[string]bool{}
	for i := range members {
		m := &members[i]
		findings = append(findings, member(m)...)
		switch {
		case m.Unlisted:
			unlisted++
		case m.Err == nil:
			answers++
			versions[m.Version] = true
			if m.HasLeader {
				leaders++
			}
		}
	}
	switch {
	case answers == 0:
		findings = append(findings, fail("check that etcd is running, and --endpoints, --cacert, --cert and --key", "etcd: no member answers"))
	case leaders == 0:
		findings = append(findings, fail("check that most of its members run and reach each other", "etcd has no leader: it takes no writes"))
	case unlisted > 0:
		findings = append(findings, warn("name all members in --endpoints, and in endpoint of each Corefile", "etcd: %d of %d members are not among the endpoints: nobody goes on with them when the others fail", unlisted, len(members)))
	case listErr != nil:
		findings = append(findings, warn("", "etcd: whether there are other members is not known: %v", listErr))
	}
	if len(versions) > 1 {
		findings = append(findings, warn("end the upgrade", "etcd: members have %d versions", len(versions)))
	}
	return findings
}

func member(m *cluster.Member) []Finding {
	name := "etcd " + m.Endpoint
	switch {
	case m.Unlisted:
		return nil
	case m.Err != nil:
		return []Finding{warn("start the member, or remove it from --endpoints", "%s: %v", name, m.Err)}
	case !supported(m.Version):
		return []Finding{fail(fmt.Sprintf("upgrade etcd to 3.%d or later", oldestEtcd), "%s has version %s, which is not supported", name, m.Version)}
	case m.Learner:
		return []Finding{warn("promote it (etcdctl member promote), or remove it from --endpoints", "%s is a learner: it refuses most requests", name)}
	}
	findings := []Finding{ok("%s answers: version %s, %s", name, m.Version, m.Role())}
	for _, fault := range m.Faults {
		if strings.Contains(fault, "NOSPACE") {
			findings = append(findings, fail("free space (etcdctl compact, then defrag) or raise --quota-backend-bytes, then run: etcdctl alarm disarm", "%s has no space left: it takes no writes", name))
		} else {
			findings = append(findings, fail("see etcd's log", "%s says: %s", name, fault))
		}
	}
	if share := float64(m.Size) / float64(m.Quota); m.Quota > 0 && share >= fullShare {
		findings = append(findings, warn("compact and defrag it, or raise --quota-backend-bytes", "%s uses %.0f %% of its quota of space", name, 100*share))
	}
	return findings
}

// supported reports whether a version such as "3.7.3" is one that Roster works with. One
// that can't be read is taken for a later one.
func supported(version string) bool {
	parts := strings.Split(version, ".")
	if len(parts) < 2 {
		return true
	}
	major, majorErr := strconv.Atoi(parts[0])
	minor, minorErr := strconv.Atoi(parts[1])
	return majorErr != nil || minorErr != nil || major > 3 || major == 3 && minor >= oldestEtcd
}

// Access judges what a user may do with the keys below a prefix.
func Access(r cluster.Rights, below string) Finding {
	switch {
	case r.Read != nil && etcdclient.Denied(r.Read):
		return fail("grant the user read on that prefix, or give -n a namespace that it may read", "the user may not read below %q: %v", below, r.Read)
	case r.Read != nil:
		return fail("check etcd's members", "%q can't be read: %v", below, r.Read)
	case r.Write != nil && etcdclient.Denied(r.Write):
		return warn("registrars need a user with readwrite; DNS servers don't", "the user may read below %q, but not write", below)
	case r.Write != nil:
		return fail("see what etcd's members say", "%q can't be written: %v", below, r.Write)
	case !r.Authentication:
		return ok("etcd has no users: who reaches it may read and write below %q", below)
	}
	return ok("the user may read and write below %q", below)
}
