package etcdclient

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// TestErr: whatever keeps a connection from being made is told by name, for a
// request only knows that its time ran out.
func TestErr(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	secure := func(client tls.ClientAuthType) string {
		f := &fakeEtcd{}
		return f.serve(t, grpc.Creds(credentials.NewTLS(&tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{ca.pair(t, "server")},
			ClientAuth: client, ClientCAs: pool(ca),
		})))
	}
	open, mutual := secure(tls.NoClientCert), secure(tls.RequireAndVerifyClientCert)
	files := func(by, trusted authority) *TLSFiles {
		f := filesIn(t)
		f.write(t, by, "client", trusted)
		return &f
	}
	noCert := &TLSFiles{CA: files(ca, ca).CA}
	plain := &fakeEtcd{}
	for name, tc := range map[string]struct {
		cfg  Config
		want []string
	}{
		"nobody listens":               {Config{Endpoints: []string{refused(t)}}, []string{"connection refused", "127.0.0.1:"}},
		"unknown authority":            {Config{Endpoints: []string{"https://" + open}, Files: files(ca, other)}, []string{"unknown authority", open}},
		"TLS from memory":              {Config{Endpoints: []string{"https://" + open}, TLS: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool(other)}}, []string{"unknown authority", open}},
		"client certificate missing":   {Config{Endpoints: []string{"https://" + mutual}, Files: noCert}, []string{"certificate", mutual}},
		"client certificate of others": {Config{Endpoints: []string{"https://" + mutual}, Files: files(other, ca)}, []string{"certificate", mutual}},
		"http to https":                {Config{Endpoints: []string{"http://" + open}}, []string{"it requires TLS", open}},
		"https to http":                {Config{Endpoints: []string{"https://" + plain.serve(t)}, Files: noCert}, []string{"handshake", "127.0.0.1:"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, tc.cfg)
			if err := c.Err(); err != nil {
				t.Errorf("before the first attempt: %v", err)
			}
			client, err := c.Client(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := client.Get(ctx, "k"); err == nil {
				t.Fatal("connected")
			}
			err = c.Err()
			if err == nil {
				t.Fatal("no reason is known")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

// TestErrEndsWithSuccess: a connection that is made in the end is no error.
func TestErrEndsWithSuccess(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "ca")
	f := &fakeEtcd{}
	addr := f.serve(t, grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{ca.pair(t, "server")},
	})))
	files := filesIn(t)
	files.write(t, ca, "client", newAuthority(t, "other"))
	c := connect(t, Config{Endpoints: []string{"https://" + addr}, Files: &files})
	client, err := c.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := client.Get(ctx, "k"); err == nil || c.Err() == nil {
		t.Fatalf("Get: %v, Err: %v", err, c.Err())
	}
	write(t, files.CA, string(ca.pem()))
	read(t, c)
	if err := c.Err(); err != nil {
		t.Errorf("while connected: %v", err)
	}
}

// TestErrEndsWithRefusal: a server that refuses a stream, for example because the
// client has no user, has answered.
func TestErrEndsWithRefusal(t *testing.T) {
	t.Parallel()
	f := &fakeEtcd{}
	c := connect(t, Config{Endpoints: []string{"http://" + f.serve(t)}})
	client, err := c.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := pb.NewKVClient(client.ActiveConnection()).RangeStream(t.Context(), &pb.RangeRequest{Key: []byte("k")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); KindOf(err) != Refused {
		t.Fatalf("%v, want a refusal", err)
	}
	if err := c.Err(); err != nil {
		t.Errorf("after a refusal: %v", err)
	}
}

// TestErrOfAStoppedServer: a server that is stopped is not one that wants TLS.
func TestErrOfAStoppedServer(t *testing.T) {
	t.Parallel()
	endpoint := silent(t)
	c := connect(t, Config{Endpoints: []string{endpoint}})
	client, err := c.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Long enough for one attempt to be given up.
	ctx, cancel := context.WithTimeout(t.Context(), dialTimeout+2*time.Second)
	defer cancel()
	if _, err := client.Get(ctx, "k"); err == nil {
		t.Fatal("connected")
	}
	if err := c.Err(); !errors.Is(err, errUnanswered) || !strings.Contains(err.Error(), strings.TrimPrefix(endpoint, "http://")) {
		t.Errorf("%v, want %v of %s", err, errUnanswered, endpoint)
	}
}
