package roster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/coredns/caddy"

	"github.com/rosterdns/roster/internal/replica"
)

const (
	defaultMaxAge = replica.DefaultSnapshotMaxAge
	// defaultProtectFor is what it takes to find and repair what makes instances
	// expire in a mass, or to see that they really are gone.
	defaultProtectFor = 10 * time.Minute
)

// parseSnapshot takes the path of a file in a folder. What is certain to be
// wrong stops the start. That the folder can't be written does not, as on a disk
// that is full or read-only: what is there can still be answered from, and the log
// tells of the rest.
func parseSnapshot(cfg *config, c *caddy.Controller, args []string) error {
	path, err := one(args, "the path of a file")
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(rooted(c, path)); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%q is not a file", path)
	}
	folder := filepath.Dir(path)
	switch info, err := os.Stat(folder); {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("the folder of %q: %w: create it", path, err)
	case err == nil && !info.IsDir():
		return fmt.Errorf("%q is not a folder", folder)
	}
	cfg.registry.retention.snapshot, cfg.registry.retention.file = path, resolved(path)
	return nil
}

func parseMaxAge(cfg *config, _ *caddy.Controller, args []string) error {
	return parseDuration(&cfg.registry.retention.maxAge, args)
}

func parseStale(cfg *config, _ *caddy.Controller, args []string) error {
	return parseDuration(&cfg.stale, args)
}

// parseProtect takes a percentage, with or without its sign, and a duration.
func parseProtect(cfg *config, _ *caddy.Controller, args []string) error {
	k := &cfg.registry.retention
	if len(args) == 0 || len(args) > 2 {
		return errors.New("needs a percentage from 1 to 99, and may have a duration, as in 33 10m")
	}
	percent, err := strconv.ParseUint(strings.TrimSuffix(args[0], "%"), 10, 8)
	if err != nil || percent < 1 || percent > 99 {
		return fmt.Errorf("%q is not a percentage from 1 to 99", args[0])
	}
	k.protect, k.protectFor = int(percent), defaultProtectFor
	if len(args) == 2 {
		return parseDuration(&k.protectFor, args[1:])
	}
	return nil
}

func parseKeepLast(cfg *config, _ *caddy.Controller, args []string) error {
	return parseDuration(&cfg.registry.retention.keepLast, args)
}

func parseDuration(d *time.Duration, args []string) error {
	s, err := one(args, "a duration such as 10m")
	if err != nil {
		return err
	}
	if *d, err = time.ParseDuration(s); err != nil || *d <= 0 {
		return fmt.Errorf("%q is not a duration such as 10m", s)
	}
	return nil
}

// checkRetention says what is wrong with the retention of a replica, once all is parsed.
func (cfg *config) checkRetention() error {
	k := &cfg.registry.retention
	if k.snapshot == "" && k.maxAge != 0 {
		return cfg.errorAt("snapshot_max_age", errors.New("needs the property snapshot"))
	}
	if k.snapshot != "" && k.maxAge == 0 {
		k.maxAge = defaultMaxAge
	}
	return nil
}

// resolved returns a path that is equal for two that lead to one file. The file
// itself need not be there; where it is a symbolic link it is replaced, not followed.
func resolved(path string) string {
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(folder, filepath.Base(path))
	}
	return path
}
