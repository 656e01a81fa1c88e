// Package cluster shows an etcd cluster: what its members say of themselves, and what a
// user may do there.
package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// statusTimeout bounds the question to one member: others answer meanwhile.
const statusTimeout = 2 * time.Second

// Etcd is what the package needs of a client of etcd. *clientv3.Client has it.
type Etcd interface {
	Status(ctx context.Context, endpoint string) (*clientv3.StatusResponse, error)
	MemberList(ctx context.Context, opts ...clientv3.OpOption) (*clientv3.MemberListResponse, error)
	AuthStatus(ctx context.Context) (*clientv3.AuthStatusResponse, error)
	Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error)
	Txn(ctx context.Context) clientv3.Txn
}

// errNoAnswer is a member that doesn't answer in time.
var errNoAnswer = errors.New("no answer in time")

// Member is one member of a cluster.
type Member struct {
	// Endpoint is the URL by which the member was asked; for one that is among no
	// endpoints, where it listens for clients, if it says so.
	Endpoint string
	// Name and ID are the member's; Name is empty where the members can't be listed.
	Name string
	ID   uint64
	// Unlisted says that the member is reached by no endpoint, so that it was not asked.
	Unlisted bool
	// Err says why there is no answer; all below is of an answer.
	Err error

	Version string
	// Leader and Learner say what the member is; it is a follower otherwise.
	Leader, Learner bool
	// HasLeader says that the member knows of a leader.
	HasLeader bool
	// Revision is that of the member's contents.
	Revision int64
	// Size is that of the database in bytes, InUse what of it is not free. Quota is the
	// limit of Size; 0 where the member doesn't say, as before etcd 3.6.
	Size, InUse, Quota int64
	// Faults are what the member says is wrong with it, such as alarms.
	Faults []string
}

// Role returns what the member is, in a word.
func (m *Member) Role() string {
	switch {
	case m.Err != nil || m.Unlisted:
		return ""
	case m.Leader:
		return "leader"
	case m.Learner:
		return "learner"
	case !m.HasLeader:
		return "no leader"
	}
	return "follower"
}

// Look asks the members that the endpoints name, at once, and which others there are.
// Members come in the order of the endpoints. The error says why the members can't be
// listed, as where the user may not: those of the endpoints are in the result in any case.
func Look(ctx context.Context, etcd Etcd, endpoints []string) ([]Member, error) {
	members := make([]Member, len(endpoints))
	var wg sync.WaitGroup
	for i, endpoint := range endpoints {
		wg.Go(func() { members[i] = ask(ctx, etcd, endpoint) })
	}
	listing, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	list, err := etcd.MemberList(listing)
	wg.Wait()
	if err != nil {
		return members, err
	}
	for _, m := range list.Members {
		i := slices.IndexFunc(members, func(known Member) bool {
			return known.ID == m.ID || known.Err != nil && slices.Contains(m.ClientURLs, known.Endpoint)
		})
		if i < 0 {
			i = len(members)
			members = append(members, Member{ID: m.ID, Endpoint: strings.Join(m.ClientURLs, ","), Unlisted: true, Learner: m.IsLearner})
		}
		members[i].Name = m.Name
	}
	return members, nil
}

func ask(ctx context.Context, etcd Etcd, endpoint string) Member {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	s, err := etcd.Status(ctx, endpoint)
	switch {
	case err != nil && ctx.Err() != nil:
		return Member{Endpoint: endpoint, Err: errNoAnswer}
	case err != nil:
		return Member{Endpoint: endpoint, Err: err}
	}
	return Member{
		Endpoint: endpoint, ID: s.Header.MemberId, Version: s.Version,
		Leader: s.Leader == s.Header.MemberId, Learner: s.IsLearner, HasLeader: s.Leader != 0,
		Revision: s.Header.Revision, Size: s.DbSize, InUse: s.DbSizeInUse, Quota: s.DbSizeQuota, Faults: s.Errors,
	}
}
