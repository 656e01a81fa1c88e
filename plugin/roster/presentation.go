package roster

import (
	"crypto/sha256"
	"fmt"
)

// zoneFormat is the version of what a zone holds of the same registry and Corefile. A
// change of the program that shows in zone transfers raises it, so that secondaries
// learn of it from the serial.
const zoneFormat = 1

// presentations returns by the key of each registry what identifies how its blocks
// show it: the serial rises where that changes, in a reload or a restart. The zones of
// blocks that share a replica share its serial, too.
func (b *blocks) presentations() map[string]string {
	of := map[string]string{}
	for _, cfg := range b.configs {
		of[cfg.registry.key()] += fmt.Sprintln(cfg.origins, cfg.inner, cfg.ttls, cfg.nameServers, cfg.nets)
	}
	for key, settings := range of {
		of[key] = fmt.Sprintf("%d:%x", zoneFormat, sha256.Sum256([]byte(settings)))
	}
	return of
}

// present has the replicas shown by these blocks, once those before answer no more.
func (b *blocks) present() {
	for i, m := range b.acquired {
		m.SetPresentation(b.configs[i].registry.presentation)
	}
}
