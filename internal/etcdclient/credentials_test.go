package etcdclient

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	f := &fakeEtcd{users: map[string]string{"root": "other"}}
	c := connect(t, Config{Endpoints: []string{"http://" + f.serve(t)}, Username: "root", Password: "hunter2"})
	_, err := c.Client(t.Context())
	if !errors.Is(err, rpctypes.ErrAuthFailed) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v, want %v without the password", err, rpctypes.ErrAuthFailed)
	}
	f.mu.Lock()
	f.users["root"] = "hunter2"
	f.mu.Unlock()
	read(t, c)
}

// TestAuthenticationOff: credentials do no harm where etcd asks for none.
func TestAuthenticationOff(t *testing.T) {
	t.Parallel()
	f := &fakeEtcd{}
	read(t, connect(t, Config{Endpoints: []string{"http://" + f.serve(t)}, Username: "root", Password: "hunter2"}))
	if f.lastUser != "" {
		t.Errorf("read with the token %q", f.lastUser)
	}
}

// TestCredentialsFileChanges rotates a password, breaks the file and repairs it.
func TestCredentialsFileChanges(t *testing.T) {
	t.Parallel()
	f := &fakeEtcd{users: map[string]string{"ann": "one", "bob": "hunter2"}}
	path := filepath.Join(t.TempDir(), "credentials")
	write(t, path, "ann\none\n")
	var log bytes.Buffer
	c := connect(t, Config{Endpoints: []string{"http://" + f.serve(t)}, CredentialsFile: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	wantUser := func(user string, logins int) {
		t.Helper()
		if f.lastUser != user || len(f.logins) != logins {
			t.Errorf("%q read after log-ins %q, want %q after %d", f.lastUser, f.logins, user, logins)
		}
	}

	first := read(t, c)
	wantUser("ann", 1)
	write(t, path, "ann\r\none") // the same, in other words
	if read(t, c) != first {
		t.Error("another client for the same credentials")
	}
	wantUser("ann", 1)

	write(t, path, "bob\nhunter2\n")
	second := read(t, c)
	if second == first || first.Ctx().Err() == nil {
		t.Error("the first client goes on after its credentials were replaced")
	}
	wantUser("bob", 2)

	write(t, path, "hunter2") // half-written
	if read(t, c) != second {
		t.Error("another client while the file is broken")
	}
	wantUser("bob", 2)
	if got := log.String(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, path) || strings.Contains(got, "hunter2") {
		t.Errorf("logged %q, want one warning that names the file, and not what is in it", got)
	}

	f.mu.Lock()
	f.users["bob"] = "two"
	f.mu.Unlock()
	write(t, path, "bob\ntwo\n")
	if read(t, c) == second {
		t.Error("the same client after the password changed")
	}
	wantUser("bob", 3)
}

// TestUnreadableCredentialsFile: the usual client and that for probes go on alike,
// and that is logged once, as is its end.
func TestUnreadableCredentialsFile(t *testing.T) {
	t.Parallel()
	f := &fakeEtcd{users: map[string]string{"ann": "one"}}
	path := filepath.Join(t.TempDir(), "credentials")
	write(t, path, "ann\none\n")
	var log bytes.Buffer
	c := connect(t, Config{Endpoints: []string{"http://" + f.serve(t)}, CredentialsFile: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	usual := read(t, c)
	write(t, path, "")
	for range 3 {
		if read(t, c) != usual {
			t.Error("another client while the file is broken")
		}
		_, release := useProbeClient(t, c)
		release()
		age(c)
	}
	if f.lastUser != "ann" {
		t.Errorf("probed as %q, want ann", f.lastUser)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=WARN msg=\"credentials can't be read: using the last ones\"") {
		t.Errorf("logged %q, want one warning", got)
	}
	log.Reset()
	write(t, path, "ann\none\n")
	read(t, c)
	read(t, c)
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=INFO msg=\"credentials can be read again\"") {
		t.Errorf("logged %q, want one line that it is over", got)
	}
}

// TestMissingCredentialsFile has a file that goes before it was ever used.
func TestMissingCredentialsFile(t *testing.T) {
	t.Parallel()
	f := &fakeEtcd{users: map[string]string{"ann": "one"}}
	path := filepath.Join(t.TempDir(), "credentials")
	write(t, path, "ann\none\n")
	c := connect(t, Config{Endpoints: []string{"http://" + f.serve(t)}, CredentialsFile: path})
	write(t, path, "")
	if _, err := c.Client(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names the file", err)
	}
	write(t, path, "ann\none\n")
	read(t, c)
}
