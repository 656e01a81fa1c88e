package main

import (
	"fmt"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar"
)

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

// ofEtcd makes an error of etcd one of those that exit codes are made of.
func ofEtcd(err error) error {
	if etcdclient.Denied(err) {
		return fmt.Errorf("%w: %w", registrar.ErrPermission, err)
	}
	return fmt.Errorf("etcd %w: %w", registrar.ErrUnavailable, err)
}
