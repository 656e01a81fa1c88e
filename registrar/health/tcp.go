package health

import (
	"context"
	"net"
)

// TCP is a Probe that connects, and closes the connection.
type TCP struct {
	// Address is HOST:PORT.
	Address string
}

// Probe implements Probe.
func (t *TCP) Probe(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", t.Address)
	if err != nil {
		return err
	}
	return conn.Close()
}
