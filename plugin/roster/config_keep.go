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
)

const (
	// defaultMaxAge lets a server that was off overnight start without etcd.
	// What is older is likely to be wrong for the most part.
	defaultMaxAge = 24 * time.Hour
	// defaultProtectFor is what it takes to find and mend what makes instances
	// vanish in a mass, or to see that they really did.
	defaultProtectFor = 10 * time.Minute
)

// parseSnapshot takes the path of a file in a folder. What is certain to be
// wrong stops the start. That the folder can't be written does not, as on a disk
// that is full or read-only: what is there can still be answered from. The
// keeper tells of it, time and again.
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
		return fmt.Errorf("the folder of %q: %w: make it", path, err)
	case err == nil && !info.IsDir():
		return fmt.Errorf("%q is not a folder", folder)
	}
	cfg.registry.keeping.snapshot = path
	return nil
}

func parseMaxAge(cfg *config, _ *caddy.Controller, args []string) error {
	return parseDuration(&cfg.registry.keeping.maxAge, args)
}

func parseStale(cfg *config, _ *caddy.Controller, args []string) error {
	return parseDuration(&cfg.stale, args)
}

// parseProtect takes a percentage, with or without its sign, and a duration.
func parseProtect(cfg *config, _ *caddy.Controller, args []string) error {
	k := &cfg.registry.keeping
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

// checkKeeping says what is wrong with what is kept, once all is parsed.
func (cfg *config) checkKeeping() error {
	k := &cfg.registry.keeping
	if k.snapshot == "" && k.maxAge != 0 {
		return cfg.errorAt("snapshot_max_age", errors.New("needs a snapshot"))
	}
	if k.snapshot != "" && k.maxAge == 0 {
		k.maxAge = defaultMaxAge
	}
	return nil
}

// checkBeside says whether two blocks of one Corefile can keep what they keep.
// The error is about cfg, which comes later.
func (cfg *config) checkBeside(other *config) error {
	mine, theirs := cfg.registry.keeping, other.registry.keeping
	if cfg.registry.key() != other.registry.key() {
		if mine.snapshot != "" && sameFile(mine.snapshot, theirs.snapshot) {
			return cfg.errorAt("snapshot", fmt.Errorf("%q is that of another registry too, stated at %s: give each a file of its own",
				mine.snapshot, other.at("snapshot")))
		}
		return nil
	}
	for _, p := range []struct {
		property string
		differs  bool
	}{
		{"snapshot", mine.snapshot != theirs.snapshot},
		{"snapshot_max_age", mine.maxAge != theirs.maxAge},
		{"protect", mine.protect != theirs.protect || mine.protectFor != theirs.protectFor},
	} {
		if p.differs {
			return cfg.errorAt(p.property, fmt.Errorf("differs from that at %s, with which this block shares a mirror: state the same in both",
				other.at(p.property)))
		}
	}
	return nil
}

// sameFile reports whether two paths are of one file, or will be.
func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	resolve := func(path string) string {
		if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			return filepath.Join(folder, filepath.Base(path))
		}
		return path
	}
	if resolve(a) == resolve(b) {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
