package gozero

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"

	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/core/netx"
	"github.com/zeromicro/go-zero/core/proc"

	"github.com/rosterdns/roster/registrar"
)

// portName is what the port of a server is registered as.
const portName = "grpc"

// Register registers a zRPC server until the process ends, or the client closes. The name is
// [NAMESPACE/]SERVICE; listenOn is the server's ListenOn. Where that names no host the
// address is that of the environment variable POD_IP, else the machine's first IPv4 address,
// as go-zero chooses with etcd. Changes are made to the instance before it is registered,
// such as to its weight, tags or locality.
//
// It takes at most a second, and returns nil also if the registry is unavailable; the server
// is then registered once it is there. Errors are registrar.ErrInvalid and ErrClosed.
func Register(ctx context.Context, client registrar.Registry, name, listenOn string, changes ...func(*registrar.Instance)) error {
	parsed, err := registrar.ParseName(name, registrar.DefaultNamespace)
	if err == nil && parsed.Selects() {
		err = fmt.Errorf("%w name %q: a server's name can't select", registrar.ErrInvalid, name)
	}
	if err != nil {
		return fmt.Errorf("gozero: %w", err)
	}
	in, err := instance(listenOn)
	if err != nil {
		return fmt.Errorf("gozero: ListenOn %q: %w", listenOn, err)
	}
	for _, change := range changes {
		change(&in)
	}
	service := &registrar.Service{Name: parsed.Service, Instances: []registrar.Instance{in}}
	if name != parsed.Service {
		service.Namespace = parsed.Namespace // else the client's
	}
	if err := client.Register(ctx, service); err != nil {
		return err
	}
	proc.AddWrapUpListener(func() {
		err := client.Unregister(context.Background(), service)
		if err != nil && !errors.Is(err, registrar.ErrClosed) { // closed is unregistered
			logx.Errorf("gozero: unregistering %q: %v", name, err)
		}
	})
	return nil
}

// instance returns the instance that listens on an address.
func instance(listenOn string) (in registrar.Instance, err error) {
	host, service, err := net.SplitHostPort(listenOn)
	if err != nil {
		return in, fmt.Errorf("%w: %w", registrar.ErrInvalid, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 {
		return in, fmt.Errorf("%w port %q: must be 1 to 65535", registrar.ErrInvalid, service)
	}
	in.Ports = []registrar.Port{{Name: portName, Port: uint16(port)}}
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		if host = ownAddress(); host == "" {
			return in, fmt.Errorf("%w: this machine has no IPv4 address: set POD_IP, or name a host", registrar.ErrInvalid)
		}
	}
	if a, err := netip.ParseAddr(host); err == nil {
		in.Addresses = []netip.Addr{a.Unmap()}
	} else {
		in.Host = host
	}
	return in, nil
}

// ownAddress returns the address that others reach this machine at, as go-zero finds it.
func ownAddress() string {
	if ip := os.Getenv("POD_IP"); ip != "" {
		return ip
	}
	return netx.InternalIp()
}
