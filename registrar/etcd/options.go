package etcd

import (
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar"
)

// extraKey is the type of this driver's keys in registrar.Options.Extra.
type extraKey uint8

const (
	keyClient extraKey = iota
	keyTLSFiles
	keyCredentialsFile
	keyLeaveOnClose
)

func extra(key extraKey, value any) registrar.Option {
	return func(o *registrar.Options) { o.Extra[key] = value }
}

// WithClient makes the driver use a client that the program has already, in
// place of endpoints, TLS and credentials. Closing it stays with the program,
// after the registrar was closed.
func WithClient(client *clientv3.Client) registrar.Option { return extra(keyClient, client) }

// WithTLSFiles is registrar.WithTLS from PEM files, which are read again at
// each new connection: the client's certificate and key, both or neither, and
// the certificate authorities of the servers. Empty ones mean no client
// certificate, and the system's authorities.
func WithTLSFiles(cert, key, ca string) registrar.Option {
	return extra(keyTLSFiles, &etcdclient.TLSFiles{Cert: cert, Key: key, CA: ca})
}

// WithCredentialsFile is registrar.WithCredentials from a file with the user on
// its first line and the password on its second, which is read again when it
// changes.
func WithCredentialsFile(path string) registrar.Option { return extra(keyCredentialsFile, path) }

// WithLeaveOnClose makes Close leave what is registered: it is served until the
// lease runs out. It is for programs that register once and end.
func WithLeaveOnClose() registrar.Option { return extra(keyLeaveOnClose, true) }
