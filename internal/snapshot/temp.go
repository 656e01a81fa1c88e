package snapshot

import (
	"os"
	"path/filepath"
	"strings"
)

// tempInfix stands between the name of a snapshot and the number of a temporary
// file of it. Each write has a number of its own, so that what is renamed is
// always the writer's own file.
const tempInfix = ".tmp-"

// createTemp makes a file beside path. What writers that died have left there is
// removed first: it may be what fills the disk.
func createTemp(path string) (*os.File, error) {
	folder, name := filepath.Split(path)
	if folder == "" {
		folder = "." // an empty one would be the system's for temporary files
	}
	removeLeftovers(folder, name+tempInfix)
	return os.CreateTemp(folder, name+tempInfix+"*")
}

// removeLeftovers removes the temporary files of a snapshot. A process has a file
// to itself, so that nobody writes them. One that can't be removed takes nothing
// but space.
func removeLeftovers(folder, prefix string) {
	files, _ := os.ReadDir(folder) // those that could be read, if not all
	for _, file := range files {
		number, ok := strings.CutPrefix(file.Name(), prefix)
		if ok && number != "" && strings.Trim(number, "0123456789") == "" && file.Type().IsRegular() {
			_ = os.Remove(filepath.Join(folder, file.Name()))
		}
	}
}
