package main

import (
	"context"
	"fmt"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/cluster"
	"github.com/rosterdns/roster/cmd/registrar/internal/rbac"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar"
)

// etcdClient is what commands use of etcd for what is no part of a registry.
type etcdClient interface {
	cluster.Etcd
	rbac.Auth
}

// connectEtcd connects to etcd, which takes a log-in where there is a user.
func connectEtcd(ctx context.Context, cfg etcdclient.Config) (etcdClient, func(), error) {
	conn, err := etcdclient.New(cfg)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	client, err := conn.Client(ctx)
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return client, func() { _ = conn.Close() }, nil
}

// etcdConfig returns how the global flags say to connect to etcd.
func (g *globals) etcdConfig() (etcdclient.Config, error) {
	if err := g.check(); err != nil {
		return etcdclient.Config{}, err
	}
	cfg := etcdclient.Config{Endpoints: g.endpoints}
	if g.user != "" {
		password, err := readPassword(g.passwordFile)
		if err != nil {
			return etcdclient.Config{}, err
		}
		cfg.Username, cfg.Password = g.user, password
	}
	if g.cert != "" || g.cacert != "" {
		cfg.Files = &etcdclient.TLSFiles{Cert: g.cert, Key: g.key, CA: g.cacert}
	}
	return cfg, nil
}

// below returns the prefix of the keys of the namespace of -n, or of the registry.
func (g *globals) below() (string, error) {
	prefix, err := catalog.CleanPrefix(g.prefix)
	switch {
	case err != nil:
		return "", &usageError{err}
	case g.namespace == "":
		return prefix + "/", nil
	}
	return catalog.NamespacePrefix(prefix, g.namespace), nil
}

// ofEtcd makes an error of etcd one of those that exit codes are made of.
func ofEtcd(err error) error {
	if etcdclient.Denied(err) {
		return fmt.Errorf("%w: %w", registrar.ErrPermission, err)
	}
	return fmt.Errorf("etcd %w: %w", registrar.ErrUnavailable, err)
}
