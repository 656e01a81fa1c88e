package process

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
)

// Group owns processes and their folders. Close ends and removes all of them.
// Its methods are safe for concurrent use.
type Group struct {
	dir string

	mu        sync.Mutex
	folders   int
	processes []*Process
}

// NewGroup makes a group with a temporary folder.
func NewGroup() (*Group, error) {
	dir, err := os.MkdirTemp("", "roster-bench-")
	if err != nil {
		return nil, err
	}
	return &Group{dir: dir}, nil
}

// Dir makes a folder for one process.
func (g *Group) Dir(name string) (string, error) {
	g.mu.Lock()
	g.folders++
	dir := filepath.Join(g.dir, name+"-"+strconv.Itoa(g.folders))
	g.mu.Unlock()
	return dir, os.Mkdir(dir, 0o700)
}

// Start starts a program in a folder.
func (g *Group) Start(name, dir string, argv ...string) (*Process, error) {
	p, err := start(name, dir, argv)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.processes = append(g.processes, p)
	return p, nil
}

// Close ends all processes, the last one first, and removes the folders.
func (g *Group) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range slices.Backward(g.processes) {
		p.Stop()
	}
	g.processes = nil
	return os.RemoveAll(g.dir)
}
