package e2e_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"

	"github.com/rosterdns/roster/test/harness"
)

// TestRestoreOfEtcdserver restores a backup of the etcd beside coredns as
// docs/operations.md says, by etcdutl with no flags but the three named there:
// what the backup lacks is gone, programs register again, and what was
// unregistered without a lease is back.
func TestRestoreOfEtcdserver(t *testing.T) {
	t.Parallel()
	s := builtin(t)
	held := s.register(t, "orders", "held", "127.0.0.1")
	static := `{"addresses":["127.0.0.9"],"ports":[{"name":"http","port":8080}],"static":true}`
	put := func(id string) {
		t.Helper()
		if _, err := s.etcd.Put(t.Context(), "/roster/default/orders/"+id, static); err != nil {
			t.Fatal(err)
		}
	}
	put("kept")
	backup := saveBackup(t, s.etcd)
	put("later")
	if _, err := s.etcd.Delete(t.Context(), "/roster/default/orders/kept"); err != nil {
		t.Fatal(err)
	}
	late := s.register(t, "orders", "newer", "127.0.0.2")
	harness.Eventually(t, harness.Patience, "all in DNS", s.sees(t, "orders", "held", "later", "newer"))

	if code := s.dns.Stop(t); code != 0 {
		t.Errorf("coredns: exit code %d on TERM, want 0", code)
	}
	folder := filepath.Join(s.dns.Dir(), "etcd")
	restored := filepath.Join(s.dns.Dir(), "etcd.restored")
	err := snapshot.NewV3(zap.NewNop()).Restore(snapshot.RestoreConfig{
		SnapshotPath: backup, OutputDataDir: restored, RevisionBump: 1_000_000_000, MarkCompacted: true,
		// etcdutl's defaults:
		Name: "default", InitialCluster: "default=http://localhost:2380", InitialClusterToken: "etcd-cluster",
		PeerURLs: []string{"http://localhost:2380"},
	})
	err = errors.Join(err, os.Rename(folder, folder+".old"), os.Rename(restored, folder))
	if err != nil {
		t.Fatal(err)
	}
	s.dns.Launch(t, builtinCorefile)
	s.dns.WaitReady(t)
	harness.Eventually(t, harness.Patience, "what the backup has and who runs", s.sees(t, "orders", "held", "kept", "newer"))
	for _, p := range []*harness.Process{held, late} {
		if code := p.Stop(t); code != 0 {
			t.Errorf("registrar: exit code %d on TERM, want 0", code)
		}
	}
	harness.Eventually(t, harness.Patience, "the static one alone", s.sees(t, "orders", "kept"))
}

// saveBackup does what `etcdctl snapshot save` does.
func saveBackup(t *testing.T, etcd *clientv3.Client) (path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	source, err := etcd.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	path = filepath.Join(t.TempDir(), "backup.db")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(file, source)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}
