package etcdserver

import clog "github.com/coredns/coredns/plugin/pkg/log"

const directiveName = "etcdserver"

// log is CoreDNS's, which waits for no reader in a CoreDNS that has this directive: its main package sees to that.
var log = clog.NewWithPlugin(directiveName)
