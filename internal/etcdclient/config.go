// Package etcdclient connects to etcd in the way that all of Roster does: with
// time-outs that find dead connections within seconds, reconnects that don't
// stampede, and credentials and certificates that are read again when their
// files change.
package etcdclient

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// DefaultEndpoint is where etcd listens for clients by default.
const DefaultEndpoint = "http://127.0.0.1:2379"

// Config says how to reach an etcd cluster. The zero value means
// DefaultEndpoint without TLS and without a user.
type Config struct {
	// Endpoints are URLs with the scheme http or https, all of one scheme.
	Endpoints []string
	// Username and Password log in; both or neither.
	Username, Password string
	// CredentialsFile holds the user on its first line and the password on its
	// second, in place of Username and Password.
	CredentialsFile string
	// TLS is for https endpoints; nil means the system's certificate
	// authorities and no client certificate.
	TLS *tls.Config
	// Files is TLS from files that are read again when they change, in place
	// of TLS.
	Files *TLSFiles
	// Log gets warnings of files that can't be read any more.
	Log *slog.Logger
}

// Check says what is wrong with the configuration, including files that can't
// be read. It uses no network.
func (c *Config) Check() error {
	secure := false
	for i, e := range c.endpoints() {
		u, err := url.Parse(e)
		// The client compares schemes as they are written: it would take HTTPS for http.
		written, _, _ := strings.Cut(e, ":")
		if err != nil || u.Hostname() == "" || (written != "http" && written != "https") {
			return fmt.Errorf("endpoint %q is not a URL such as %s or https://etcd.example.com:2379", redact(e), DefaultEndpoint)
		}
		if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("endpoint %q has more than scheme, host and port", redact(e))
		}
		// url.Parse lets brackets pass that no dialler takes.
		if _, _, err := net.SplitHostPort(u.Host); err != nil && u.Port() != "" {
			return fmt.Errorf("endpoint %q has no host that can be dialled: write an IPv6 address as [2001:db8::7]", e)
		}
		if u.Port() == "" {
			return fmt.Errorf("endpoint %q has no port: etcd's default is 2379", e)
		}
		if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
			return fmt.Errorf("endpoint %q has a port that is not 1 to 65535", e)
		}
		https := u.Scheme == "https"
		if i > 0 && https != secure {
			return errors.New("endpoints mix http and https: use one scheme for all")
		}
		secure = https
	}
	if !secure && (c.TLS != nil || c.Files != nil) {
		return errors.New("TLS is configured but the endpoints use http: use https")
	}
	if c.Files != nil {
		if _, err := c.Files.load(); err != nil {
			return err
		}
	}
	return c.checkCredentials()
}

func (c *Config) checkCredentials() error {
	if c.CredentialsFile != "" {
		if c.Username != "" || c.Password != "" {
			return errors.New("credentials are given both directly and as a file: use one")
		}
		_, err := readCredentials(c.CredentialsFile)
		return err
	}
	if (c.Username == "") != (c.Password == "") {
		return errors.New("a user needs a password, and a password a user")
	}
	return nil
}

// logins returns the credentials to log in with.
func (c *Config) logins() *logins {
	return &logins{file: c.CredentialsFile, fixed: login{c.Username, c.Password}, log: c.Log}
}

func (c *Config) endpoints() []string {
	if len(c.Endpoints) == 0 {
		return []string{DefaultEndpoint}
	}
	return c.Endpoints
}

// redact hides what could be a password in a URL that is refused.
func redact(endpoint string) string {
	if i := strings.LastIndex(endpoint, "@"); i >= 0 {
		return "…" + endpoint[i:]
	}
	return endpoint
}
