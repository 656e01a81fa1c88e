package member

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// explain adds to an error of etcd which property it is about, and what to do.
func explain(cfg Config, err error) error {
	var listen *net.OpError
	if !errors.As(err, &listen) {
		return fmt.Errorf("start etcd with data folder %q: %w", cfg.DataDir, err)
	}
	where := fmt.Sprintf("listen_client %s", &cfg.ListenClient)
	if listen.Addr != nil && cfg.HasPeers() && listen.Addr.String() == cfg.ListenPeer.Host {
		where = fmt.Sprintf("listen_peer %s", &cfg.ListenPeer)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: %w: another program listens there, perhaps an etcd: stop it, or choose another port", where, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: %w: this machine has no such address", where, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: %w: choose a port above 1023, or allow the process to bind lower ones", where, err)
	}
	return fmt.Errorf("%s: %w", where, err)
}
