package etcdserver

import (
	clog "github.com/coredns/coredns/plugin/pkg/log"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

// log is CoreDNS's, which waits for no reader in a CoreDNS that has this directive: its main package sees to that.
var log = clog.NewWithPlugin(directiveName)

// logLine logs a line of an etcd.
func logLine(level member.Level, text string) {
	switch level {
	case member.Error:
		log.Error(text)
	case member.Warning:
		log.Warning(text)
	default:
		log.Info(text)
	}
}
