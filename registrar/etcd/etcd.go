package etcd

import (
	"context"
	"errors"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/driver"
)

// Name is the name of the driver.
const Name = "etcd"

func init() { registrar.RegisterDriver(Name, New) }

// New returns a registry for Init, as registrar.Open does.
func New() registrar.Registry { return driver.New(Name, connect) }

// connect returns the way to etcd that the options describe.
func connect(o *registrar.Options) (driver.Etcd, error) {
	clients, closing, err := connection(o)
	if err != nil {
		return driver.Etcd{}, err
	}
	leave, _ := o.Extra[keyLeaveOnClose].(bool)
	return driver.Etcd{
		Source: mirror.NewEtcd(clients), Backend: backend{clients}, Close: closing, LeaveOnClose: leave,
	}, nil
}

// connection returns the clients, and what closes them; nil where they are the
// user's.
func connection(o *registrar.Options) (clients mirror.Clients, closing func() error, err error) {
	var files *etcdclient.TLSFiles
	if f := o.TLSFiles; f != nil {
		files = &etcdclient.TLSFiles{Cert: f.Cert, Key: f.Key, CA: f.CA}
	}
	if given, ok := o.Extra[keyClient]; ok {
		client, _ := given.(*clientv3.Client)
		switch {
		case client == nil:
			return nil, nil, errors.New("WithClient was given no client")
		case len(o.Endpoints) > 0 || o.TLS != nil || files != nil || o.CredentialsFile != "" || o.Username != "" || o.Password != "":
			return nil, nil, errors.New("WithClient can't be combined with endpoints, TLS or credentials: the client has its own")
		case client.ActiveConnection() == nil:
			return nil, nil, errors.New("WithClient was given a client without a connection, such as that of an embedded etcd: use the etcd's endpoint")
		}
		return userClient{client}, nil, nil
	}
	if o.TLS != nil && files != nil {
		return nil, nil, errors.New("TLS is given both as a configuration and as files: use one")
	}
	conn, err := etcdclient.New(etcdclient.Config{
		Endpoints: o.Endpoints, Username: o.Username, Password: o.Password, CredentialsFile: o.CredentialsFile,
		TLS: o.TLS, Files: files, Log: o.Logger,
	})
	if err != nil {
		return nil, nil, err
	}
	return conn, conn.Close, nil
}

// userClient is a connection that the user made.
type userClient struct{ client *clientv3.Client }

// Client implements mirror.Clients.
func (u userClient) Client(context.Context) (*clientv3.Client, error) { return u.client, nil }
