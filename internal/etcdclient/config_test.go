package etcdclient

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	write(t, good, "root\nhunter2\n")
	bad := filepath.Join(dir, "bad")
	write(t, bad, "root\n")
	const notURL = `is not a URL such as http://127.0.0.1:2379 or https://etcd.example.com:2379`
	tests := []struct {
		name string
		cfg  Config
		want string // part of the error; empty for none
	}{
		{"zero", Config{}, ""},
		{"http", Config{Endpoints: []string{"http://127.0.0.1:2379", "http://[::1]:2379/", "http://etcd.example.com:1"}}, ""},
		{"https", Config{Endpoints: []string{"https://etcd.example.com:2379"}}, ""},
		{"https with TLS", Config{Endpoints: []string{"https://etcd.example.com:65535"}, TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, ""},
		{"https with files", Config{Endpoints: []string{"https://etcd.example.com:2379"}, Files: &TLSFiles{}}, ""},
		{"credentials", Config{Username: "root", Password: "hunter2"}, ""},
		{"credentials file", Config{CredentialsFile: good}, ""},

		{"empty", Config{Endpoints: []string{""}}, `endpoint "" ` + notURL},
		{"no scheme", Config{Endpoints: []string{"127.0.0.1:2379"}}, `endpoint "127.0.0.1:2379" ` + notURL},
		{"host for scheme", Config{Endpoints: []string{"localhost:2379"}}, `endpoint "localhost:2379" ` + notURL},
		{"second one", Config{Endpoints: []string{"http://a:2379", "b"}}, `endpoint "b" ` + notURL},
		{"other scheme", Config{Endpoints: []string{"unix:///etcd.sock"}}, notURL},
		{"upper case", Config{Endpoints: []string{"HTTPS://etcd.example.com:2379"}}, notURL},
		{"no host", Config{Endpoints: []string{"http://:2379"}}, notURL},
		{"no host, no port", Config{Endpoints: []string{"http://"}}, notURL},
		{"list in one", Config{Endpoints: []string{"http://a:2379,http://b:2379"}}, notURL},
		{"control character", Config{Endpoints: []string{"http://a\n:2379"}}, `endpoint "http://a\n:2379" ` + notURL},
		{"no port", Config{Endpoints: []string{"http://etcd.example.com"}}, `endpoint "http://etcd.example.com" has no port: etcd's default is 2379`},
		{"empty port", Config{Endpoints: []string{"http://etcd.example.com:"}}, `has no port`},
		{"IPv6 without port", Config{Endpoints: []string{"http://[::1]"}}, `has no port`},
		{"port 0", Config{Endpoints: []string{"http://a:0"}}, `has a port that is not 1 to 65535`},
		{"port too large", Config{Endpoints: []string{"http://a:65536"}}, `has a port that is not 1 to 65535`},
		{"path", Config{Endpoints: []string{"http://a:2379/v3"}}, `endpoint "http://a:2379/v3" has more than scheme, host and port`},
		{"query", Config{Endpoints: []string{"http://a:2379?x=y"}}, `has more than scheme, host and port`},
		{"fragment", Config{Endpoints: []string{"http://a:2379#x"}}, `has more than scheme, host and port`},
		{"user", Config{Endpoints: []string{"http://root:hunter2@a:2379"}}, `endpoint "…@a:2379" has more than scheme, host and port`},
		{"@ in the password", Config{Endpoints: []string{"http://root:hunter2@hunter2@a:2379"}}, `endpoint "…@a:2379" `},
		{"user, not a URL", Config{Endpoints: []string{"http://root:hunter2%zz@a:2379"}}, `endpoint "…@a:2379" ` + notURL},
		{"mixed", Config{Endpoints: []string{"https://a:2379", "http://b:2379"}}, `endpoints mix http and https: use one scheme for all`},
		{"TLS over http", Config{TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, `TLS is configured but the endpoints use http: use https`},
		{"files over http", Config{Endpoints: []string{"http://a:2379"}, Files: &TLSFiles{}}, `TLS is configured but the endpoints use http: use https`},
		{"files that are not there", Config{Endpoints: []string{"https://a:2379"}, Files: &TLSFiles{CA: filepath.Join(dir, "none")}}, `reading certificate authorities`},
		{"user alone", Config{Username: "root"}, `a user needs a password, and a password a user`},
		{"password alone", Config{Password: "hunter2"}, `a user needs a password, and a password a user`},
		{"both credentials", Config{Username: "root", Password: "hunter2", CredentialsFile: good}, `credentials are given both directly and as a file: use one`},
		{"bad credentials file", Config{CredentialsFile: bad}, `must have the user on line 1, the password on line 2, and nothing else`},
		{"no credentials file", Config{CredentialsFile: filepath.Join(dir, "none")}, `reading credentials: open `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.cfg.Check()
			if _, fromNew := New(tt.cfg); (fromNew == nil) != (err == nil) {
				t.Errorf("New says %v, Check says %v", fromNew, err)
			}
			if tt.want == "" {
				if err != nil {
					t.Errorf("error %v, want none", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q shows the password", err)
			}
		})
	}
}

func TestReadCredentials(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, content  string
		user, password string // empty for an error
	}{
		{"plain", "root\nhunter2\n", "root", "hunter2"},
		{"no last newline", "root\nhunter2", "root", "hunter2"},
		{"CRLF", "root\r\nhunter2\r\n", "root", "hunter2"},
		{"CRLF, no last newline", "root\r\nhunter2", "root", "hunter2"},
		{"blank lines at the end", "root\nhunter2\n\n \n", "root", "hunter2"},
		{"spaces belong to the password", "root\n hunter 2 \n", "root", " hunter 2 "},
		{"longest", "root\n" + strings.Repeat("x", maxCredentials-5), "root", strings.Repeat("x", maxCredentials-5)},

		{"empty", "", "", ""},
		{"user alone", "root\n", "", ""},
		{"no password", "root\n\n", "", ""},
		{"no user", "\nhunter2\n", "", ""},
		{"no user but CR", "\r\nhunter2\r\n", "", ""},
		{"third line", "root\nhunter2\nmore\n", "", ""},
		{"too long", "root\n" + strings.Repeat("x", maxCredentials-4), "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "credentials")
			write(t, path, tt.content)
			got, err := readCredentials(path)
			if got != (login{tt.user, tt.password}) || (err != nil) != (tt.user == "") {
				t.Errorf("user %q, password %q, error %v; want %q, %q", got.user, got.password, err, tt.user, tt.password)
			}
			if err != nil && (!strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("%q must name the file, and not what is in it", err)
			}
		})
	}
	t.Run("a folder", func(t *testing.T) {
		t.Parallel()
		if _, err := readCredentials(t.TempDir()); err == nil {
			t.Error("no error")
		}
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		if _, err := readCredentials(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error %v, want %v", err, fs.ErrNotExist)
		}
	})
}
