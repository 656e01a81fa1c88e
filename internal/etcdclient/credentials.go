package etcdclient

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// login is a user with its password; the zero value is none.
type login struct {
	user, password string
}

// logins knows the credentials to log in with: for all clients of a Conn the
// same. It is safe for concurrent use.
type logins struct {
	file  string // empty: fixed is the login
	fixed login
	log   *slog.Logger

	mu    sync.Mutex
	last  login // that the file had
	known bool
	torn  bool // the file can't be read
}

// current returns the login for now: what the file has, or had last where it
// can't be read, as while it is being replaced.
func (l *logins) current() (login, error) {
	if l.file == "" {
		return l.fixed, nil
	}
	now, err := readCredentials(l.file)
	last, known, changed := l.update(now, err)
	switch {
	case !known:
		return login{}, err
	case changed && err != nil:
		l.log.Warn("credentials can't be read: using the last ones", "error", err)
	case changed:
		l.log.Info("credentials can be read again", "file", l.file)
	}
	return last, nil
}

// update takes what was read, if err is nil, and returns the last that could be
// read, whether there is one, and whether that the file can be read has changed.
func (l *logins) update(now login, err error) (last login, known, changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.last, l.known = now, true
	}
	if l.known {
		changed, l.torn = l.torn != (err != nil), err != nil
	}
	return l.last, l.known, changed
}

// maxCredentials bounds what is read of a credentials file: etcd's user names
// and passwords are far shorter.
const maxCredentials = 4 << 10

func readCredentials(path string) (login, error) {
	f, err := os.Open(path)
	if err != nil {
		return login{}, fmt.Errorf("reading credentials: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCredentials+1))
	if err != nil {
		return login{}, fmt.Errorf("reading credentials: %w", err)
	}
	user, rest, _ := strings.Cut(string(data), "\n")
	password, rest, _ := strings.Cut(rest, "\n")
	user, password = strings.TrimSuffix(user, "\r"), strings.TrimSuffix(password, "\r")
	if len(data) > maxCredentials || user == "" || password == "" || strings.TrimSpace(rest) != "" {
		return login{}, fmt.Errorf("credentials file %q must have the user on line 1, the password on line 2, and nothing else", path)
	}
	return login{user, password}, nil
}
