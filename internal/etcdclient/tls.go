package etcdclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"google.golang.org/grpc/credentials"
)

// TLSFiles names PEM files. Cert and Key are the own certificate, both or neither;
// CA holds the certificate authorities of the other side, empty for the system's.
type TLSFiles struct {
	Cert, Key, CA string
}

// Check says what is wrong with the files, which it reads.
func (f *TLSFiles) Check() error {
	_, err := f.load()
	return err
}

// Config returns the configuration that the files make, for what is no connection of a
// Conn.
func (f *TLSFiles) Config() (*tls.Config, error) { return f.load() }

func (f *TLSFiles) load() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if (f.Cert == "") != (f.Key == "") {
		return nil, errors.New("a certificate needs its key, and a key its certificate")
	}
	if f.Cert != "" {
		cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("loading certificate %q with key %q: %w", f.Cert, f.Key, err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("reading certificate authorities: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("file %q contains no CA certificate in PEM format", f.CA)
		}
	}
	return cfg, nil
}

// reloading makes each handshake with the files as they are at that time, and
// with the last ones that were whole where they can't be read: a rotation that
// is caught half-way must not cut anybody off.
type reloading struct {
	files TLSFiles
	log   *slog.Logger
	*lastGood
}

type lastGood struct {
	mu  sync.Mutex
	cfg *tls.Config
	why string // the files can't be read; empty while they can
}

func newReloading(files TLSFiles, log *slog.Logger) credentials.TransportCredentials {
	return &reloading{files: files, log: log, lastGood: &lastGood{}}
}

func (r *reloading) current() (credentials.TransportCredentials, error) {
	now, err := r.files.load()
	cfg, changed := r.update(now, err)
	switch {
	case cfg == nil:
		return nil, err
	case changed && err != nil:
		r.log.Warn("TLS files can't be read: using the last valid ones", "error", err)
	case changed:
		r.log.Info("TLS files can be read again")
	}
	return credentials.NewTLS(cfg.Clone()), nil
}

// update takes what was read, if err is nil, and returns the last that could be
// read, and whether there is something to tell: another reason why the files can't
// be read, or that they can again.
func (l *lastGood) update(now *tls.Config, err error) (cfg *tls.Config, changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.cfg = now
	}
	why := ""
	if err != nil {
		why = err.Error()
	}
	if l.cfg != nil {
		changed, l.why = l.why != why, why
	}
	return l.cfg, changed
}

// ClientHandshake implements credentials.TransportCredentials.
func (r *reloading) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	creds, err := r.current()
	if err != nil {
		return nil, nil, err
	}
	return creds.ClientHandshake(ctx, authority, conn)
}

// ServerHandshake implements credentials.TransportCredentials; there is no
// server here.
func (r *reloading) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("etcdclient: not a server")
}

// Info implements credentials.TransportCredentials.
func (r *reloading) Info() credentials.ProtocolInfo {
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12}).Info()
}

// Clone implements credentials.TransportCredentials.
func (r *reloading) Clone() credentials.TransportCredentials {
	c := *r
	return &c
}

// OverrideServerName implements credentials.TransportCredentials; gRPC has
// deprecated it for an option that sets the authority.
func (r *reloading) OverrideServerName(string) error {
	return errors.New("etcdclient: the server name is the endpoint's")
}
