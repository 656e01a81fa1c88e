package etcdserver

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"go.uber.org/goleak"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/whoami"
)

// childEnv says that this process may be left with parts of failed etcds.
const childEnv = "ETCDSERVER_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" { // a child's log is shown if it fails
		clog.Discard()
	}
	dnsserver.Quiet = true
	dnsserver.Directives = slices.Insert(slices.Clone(dnsserver.Directives), 0, directiveName)
	exit := m.Run()
	if exit == 0 && os.Getenv(childEnv) == "" { // a child leaves parts of the etcds that it has made to fail
		if err := findLeaks(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			exit = 1
		}
	}
	os.Exit(exit)
}

// findLeaks is goleak.Find with the patience that etcd needs: members of a cluster notice after their read timeout of
// five seconds that another one has gone.
func findLeaks() error {
	deadline := time.Now().Add(patience)
	for {
		err := goleak.Find(
			// TestDamagedLog: etcd would have ended the process. Other tests notice open files by their locks.
			goleak.IgnoreTopFunction("go.etcd.io/etcd/server/v3/storage/backend.(*backend).run"),
			goleak.IgnoreTopFunction("go.etcd.io/etcd/server/v3/storage/wal.(*filePipeline).run"),
		)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
