package replica

import (
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
)

// TestOneSpellingOfThePrefix: all lines of a log name the registry, and spell it in the
// same way.
func TestOneSpellingOfThePrefix(t *testing.T) {
	inBubble(t, func(f *fixture) {
		f.write(nil)
		f.put("default/orders/a")
		f.put("default/broken") // is no key of an instance
		f.away()
		r := f.ready(nil)
		time.Sleep(time.Minute)
		f.etcd.SetState(faulty.Up)
		time.Sleep(time.Minute)
		f.away()
		time.Sleep(time.Minute)
		f.etcd.SetState(faulty.Up)
		f.etcd.Reset(nil, 5) // restored from a backup
		time.Sleep(time.Minute)
		f.close(r)
		all := strings.Join(f.log.lines(), "")
		for _, text := range []string{
			"answering from the snapshot", "etcd can't be read yet", "etcd can be read now", "skipped a key", "no contact with etcd",
			"back in contact", "etcd history changed",
		} {
			if !strings.Contains(all, text) {
				f.t.Errorf("no line has %q", text)
			}
		}
		for _, line := range f.log.lines() {
			if strings.Count(line, " prefix=/roster ") != 1 || strings.Count(line, "prefix=") != 1 {
				f.t.Errorf("the prefix is missing or spelled in another way: %s", line)
			}
		}
	})
}
