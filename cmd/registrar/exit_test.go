package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

func TestReport(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		code int
		want string
	}{
		{nil, 0, ""},
		{errors.New("disk full"), 1, "registrar: disk full\n"},
		{usagef("--lease %q is bad", "x"), 2, "registrar: --lease \"x\" is bad\nRun 'registrar get --help' for usage.\n"},
		{&usageError{fmt.Errorf("--file: %w", fs.ErrNotExist)}, 2, "registrar: --file: file does not exist\nRun 'registrar get --help' for usage.\n"},
		{fmt.Errorf("registrar: options: %w", registrar.ErrInvalid), 2, "registrar: options: invalid\n"},
		{fmt.Errorf("name: %w", registrar.ErrUnsupported), 2, "registrar: name: unsupported operation\n"},
		{fmt.Errorf("getting: %w", registrar.ErrNotFound), 3, "registrar: getting: not found\n"},
		{fmt.Errorf("getting: %w", registrar.ErrUnavailable), 4, "registrar: getting: unavailable: check that etcd is running and that --endpoints names it\n"},
		{errNoSpace, 4, "registrar: etcd unavailable: etcdserver: mvcc: database space exceeded: " + noSpaceHint + "\n"},
		{fmt.Errorf("etcd %w: %w", registrar.ErrUnavailable, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), 4, "registrar: etcd unavailable: tls: failed to verify certificate: x509: certificate signed by unknown authority: " + tlsHint + "\n"},
		{fmt.Errorf("etcd %w: handshake with %q: %w", registrar.ErrUnavailable, "127.0.0.1:2379", io.EOF), 4, "registrar: etcd unavailable: handshake with \"127.0.0.1:2379\": EOF: " + tlsHint + "\n"},
		{errors.Join(registrar.ErrUnavailable, &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}), 4, "registrar: unavailable; remote error: tls: bad certificate: " + tlsHint + "\n"},
		{errors.Join(context.DeadlineExceeded, registrar.ErrUnavailable), 4, "registrar: timed out; unavailable: check that etcd is running and that --endpoints names it\n"},
		{errors.Join(registrar.ErrUnavailable, registrar.ErrPermission), 5, "registrar: unavailable; permission denied: check --user, --password-file and --cert, and the etcd roles of that user\n"},
		{context.DeadlineExceeded, 6, "registrar: timed out: try a longer --timeout\n"},
		{signalled(2), 130, ""},
		{signalled(15), 143, ""},
		{errors.New("two\nlines \x1b[31m\u009b\tand é"), 1, "registrar: two; lines \\x1b[31m\\u009b\\tand é\n"},
	} {
		var stderr strings.Builder
		if code := report(&stderr, "registrar get", c.err); code != c.code || stderr.String() != c.want {
			t.Errorf("report(%v) = %d, writing %q; want %d, %q", c.err, code, stderr.String(), c.code, c.want)
		}
	}
}
