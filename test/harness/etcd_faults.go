package harness

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
)

// Leader returns the member that leads the cluster, once it has one.
func (e *Etcd) Leader(t testing.TB) *Member {
	t.Helper()
	var leader *Member
	Eventually(t, Patience, "the cluster's having a leader", func() error {
		for _, m := range e.Members {
			status, err := e.status(t, m)
			if err == nil && status.Leader != 0 && status.Leader == status.Header.MemberId {
				leader = m
				return nil
			}
		}
		return errNotYet
	})
	return leader
}

// MoveLeader makes a member the leader of the cluster.
func (e *Etcd) MoveLeader(t testing.TB, to *Member) {
	t.Helper()
	target, err := e.status(t, to)
	if err != nil {
		t.Fatal(err)
	}
	leader := e.Leader(t)
	if leader == to {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	client := e.connect(t, e.user(), leader.client) // only a leader gives its place away
	defer client.Close()
	if _, err := client.MoveLeader(ctx, target.Header.MemberId); err != nil {
		t.Fatalf("making %s the leader: %v", to.name, err)
	}
}

// user has all rights.
func (e *Etcd) user() User {
	if e.auth {
		return Root
	}
	return User{}
}

func (e *Etcd) status(t testing.TB, m *Member) (*clientv3.StatusResponse, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	return e.client.Status(ctx, m.client)
}

// StartLearner adds a member that has no vote yet to a cluster without TLS, and
// waits until it is there. It is none of Members and Endpoints.
func (e *Etcd) StartLearner(t testing.TB) *Member {
	t.Helper()
	m := newMember(t, len(e.Members), "http")
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	if _, err := e.client.MemberAddAsLearner(ctx, []string{m.peer}); err != nil {
		t.Fatal(err)
	}
	m.cluster = e.Members[0].cluster + "," + m.name + "=" + m.peer
	m.args = append(m.flags(nil), "--initial-cluster-state=existing")
	m.Start(t)
	Eventually(t, Patience, m.name+"'s being a learner", func() error {
		status, err := e.status(t, m)
		if err != nil {
			return err
		}
		return True(status.IsLearner && status.Leader != 0)
	})
	return m
}

// RestartMember starts a stopped or killed member again, and waits until it
// serves and knows a leader.
func (e *Etcd) RestartMember(t testing.TB, m *Member) {
	t.Helper()
	m.Start(t)
	Eventually(t, Patience, m.name+"'s being back", func() error {
		status, err := e.status(t, m)
		if err != nil {
			return err
		}
		return True(status.Leader != 0)
	})
}

// Revision is the cluster's present revision.
func (e *Etcd) Revision(t testing.TB) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	resp, err := e.client.Get(ctx, "revision")
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Revision
}

// Compact forgets all history before the present revision.
func (e *Etcd) Compact(t testing.TB) {
	t.Helper()
	revision := e.Revision(t)
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	if _, err := e.client.Compact(ctx, revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatalf("compacting at %d: %v", revision, err)
	}
}

// Alarm raises an alarm on every member: NOSPACE makes writes fail, CORRUPT
// reads too.
func (e *Etcd) Alarm(t testing.TB, alarm pb.AlarmType) {
	t.Helper()
	e.alarm(t, pb.AlarmRequest_ACTIVATE, alarm)
}

// Disarm ends an alarm.
func (e *Etcd) Disarm(t testing.TB, alarm pb.AlarmType) {
	t.Helper()
	e.alarm(t, pb.AlarmRequest_DEACTIVATE, alarm)
}

func (e *Etcd) alarm(t testing.TB, action pb.AlarmRequest_AlarmAction, alarm pb.AlarmType) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	maintenance := pb.NewMaintenanceClient(e.client.ActiveConnection())
	for _, m := range e.Members {
		status, err := e.client.Status(ctx, m.client)
		if err != nil {
			t.Fatal(err)
		}
		request := &pb.AlarmRequest{Action: action, MemberID: status.Header.MemberId, Alarm: alarm}
		if _, err := maintenance.Alarm(ctx, request); err != nil {
			t.Fatalf("%v of alarm %v: %v", action, alarm, err)
		}
	}
}

// Backup saves a snapshot of etcd's data, for Restore.
func (e *Etcd) Backup(t testing.TB) (path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	source, err := e.client.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	path = filepath.Join(t.TempDir(), "backup.db")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := io.Copy(file, source); err != nil {
		t.Fatal(err)
	}
	return path
}

// Restore replaces the data of stopped or killed members by a backup, as
// `etcdutl snapshot restore` does. With a bump, `--bump-revision` and
// `--mark-compacted` make clients notice.
func (e *Etcd) Restore(t testing.TB, backup string, bump uint64) {
	t.Helper()
	for _, m := range e.Members {
		m.Wipe(t)
		err := snapshot.NewV3(zap.NewNop()).Restore(snapshot.RestoreConfig{
			SnapshotPath:        backup,
			Name:                m.name,
			OutputDataDir:       m.dir,
			OutputWALDir:        filepath.Join(m.dir, "member", "wal"),
			PeerURLs:            []string{m.peer},
			InitialCluster:      m.cluster,
			InitialClusterToken: "etcd-cluster",
			RevisionBump:        bump,
			MarkCompacted:       bump > 0,
		})
		if err != nil {
			t.Fatal(fmt.Errorf("restoring %s: %w", m.name, err))
		}
	}
}
