package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/process"
	"github.com/rosterdns/roster/test/bench/table"
)

// memorySettles is how long after the first list resident memory is read: Go gives
// what the list took back to the system in the background.
const memorySettles = 30 * time.Second

// list measures the start of a server of the large registry: by a list and from a
// snapshot, and its memory.
func list() experiment {
	return experiment{name: "list", run: runList, rows: []table.Row{
		{ID: "list", What: "first list of the large registry, until ready", Unit: "x bare GetStream", Bar: table.AtMost(2)},
		{ID: "memory/after", What: "resident memory per instance, 30 s after the first list", Unit: "bytes", Bar: table.AtMost(512)},
		{ID: "memory/peak", What: "highest resident memory per instance until then", Unit: "bytes", Bar: table.AtMost(1024)},
		{ID: "snapshot", What: "first right answer from a snapshot, etcd away", Unit: "x first list", Bar: table.AtMost(0.5)},
		{ID: "seconds/getstream", What: "bare GetStream of the large registry", Unit: "s"},
		{ID: "seconds/list", What: "first list of the large registry", Unit: "s"},
		{ID: "seconds/snapshot", What: "first right answer from a snapshot", Unit: "s"},
	}}
}

func runList(ctx context.Context, m *measurement) error {
	r, err := m.registry(ctx, m.large())
	if err != nil {
		return err
	}
	empty, err := m.emptyMemory(ctx, r)
	if err != nil {
		return err
	}
	snapshot := ""
	if m.selected("snapshot") {
		if snapshot, err = m.snapshot(ctx, r); err != nil {
			return err
		}
	}
	return m.eachRound(ctx, func(ctx context.Context, _ int) error {
		listed, err := m.listOnce(ctx, r, empty)
		if err != nil || snapshot == "" {
			return err
		}
		started, err := m.fromSnapshot(ctx, r, snapshot)
		if err != nil {
			return err
		}
		m.add("seconds/snapshot", started.Seconds())
		m.add("snapshot", ratio(started, listed))
		return nil
	})
}

// emptyMemory is what a server of an empty prefix takes.
func (m *measurement) emptyMemory(ctx context.Context, r *registry) (process.Memory, error) {
	s, _, err := m.kit.Roster(ctx, peers.Roster{Endpoint: r.Endpoint, Prefix: emptyPrefix})
	if err != nil {
		return process.Memory{}, err
	}
	defer s.Stop()
	return s.Memory()
}

// listOnce measures a bare GetStream, and a server's first list and memory.
func (m *measurement) listOnce(ctx context.Context, r *registry, empty process.Memory) (listed time.Duration, err error) {
	streamed, err := getStream(ctx, r)
	if err != nil {
		return 0, err
	}
	s, listed, err := m.kit.Roster(ctx, peers.Roster{Endpoint: r.Endpoint, Prefix: rosterPrefix})
	if err != nil {
		return 0, err
	}
	defer s.Stop()
	m.add("seconds/getstream", streamed.Seconds())
	m.add("seconds/list", listed.Seconds())
	m.add("list", ratio(listed, streamed))
	if err := r.check(ctx, s, false); err != nil || !m.anySelected("memory/") {
		return listed, err
	}
	if err := sleep(ctx, memorySettles); err != nil {
		return 0, err
	}
	now, err := s.Memory()
	if err != nil {
		return 0, err
	}
	instances := float64(r.data.Instances())
	m.add("memory/after", float64(now.Now-empty.Now)/instances)
	m.add("memory/peak", float64(now.Peak-empty.Peak)/instances)
	return listed, nil
}

// getStream reads the registry as fast as etcd's client can, and only counts keys.
func getStream(ctx context.Context, r *registry) (time.Duration, error) {
	start, keys := time.Now(), 0
	stream, err := r.Client.GetStream(ctx, rosterPrefix+"/", clientv3.WithPrefix())
	if err != nil {
		return 0, fmt.Errorf("GetStream: %w", err)
	}
	for chunk := range stream {
		if e := chunk.Err(); e != nil && err == nil {
			err = e // and the channel is read to its end
		}
		keys += len(chunk.Kvs)
	}
	if err == nil && keys < r.data.Instances() {
		err = fmt.Errorf("%d keys, want %d", keys, r.data.Instances())
	}
	if err != nil {
		return 0, fmt.Errorf("GetStream: %w", err)
	}
	return time.Since(start), nil
}

// snapshot returns a snapshot of the registry, which a server writes when it stops.
func (m *measurement) snapshot(ctx context.Context, r *registry) (path string, err error) {
	dir, err := m.kit.Group.Dir("snapshot")
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "snapshot")
	s, _, err := m.kit.Roster(ctx, peers.Roster{Endpoint: r.Endpoint, Prefix: rosterPrefix, Snapshot: path})
	if err != nil {
		return "", err
	}
	s.Stop()
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("no snapshot after a stop: %w; Roster wrote:\n%s", err, s.Output())
	}
	return path, nil
}

// fromSnapshot returns how long a server takes from its start to the right answer, with
// a copy of a snapshot, while etcd is paused.
func (m *measurement) fromSnapshot(ctx context.Context, r *registry, snapshot string) (time.Duration, error) {
	dir, err := m.kit.Group.Dir("snapshot")
	if err != nil {
		return 0, err
	}
	path := filepath.Join(dir, "snapshot")
	if err := copyFile(snapshot, path); err != nil {
		return 0, err
	}
	defer os.Remove(path)
	if err := r.Pause(); err != nil {
		return 0, err
	}
	defer func() { _ = r.Continue() }() // fails only if etcd has ended, which the next round tells
	s, _, err := m.kit.LaunchRoster(peers.Roster{Endpoint: r.Endpoint, Prefix: rosterPrefix, Snapshot: path})
	if err != nil {
		return 0, err
	}
	defer s.Stop()
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	k := load.Kind{Type: "A", EDNS: true}
	q := peers.Question{Name: k.Name(r.data.Service(r.data.Services-1), false), Type: dns.TypeA, EDNS: true}
	if err := s.WaitAnswer(ctx, q, r.data.Each); err != nil {
		return 0, err
	}
	return time.Since(s.Started()), nil
}

// startBound bounds the start from a snapshot of any size.
const startBound = 2 * time.Minute

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close() // the first error counts
		return err
	}
	return out.Close()
}
