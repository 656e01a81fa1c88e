package etcdserver

import (
	"os"
	"slices"
	"testing"

	"github.com/coredns/coredns/core/dnsserver"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/build/etcdserver/member"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/whoami"
)

func TestMain(m *testing.M) {
	if member.IsMember() {
		os.Exit(member.Main())
	}
	if os.Getenv(programEnv) != "" {
		os.Exit(runProgram())
	}
	clog.Discard()
	dnsserver.Quiet = true
	dnsserver.Directives = slices.Insert(slices.Clone(dnsserver.Directives), 0, directiveName)
	goleak.VerifyTestMain(m)
}
