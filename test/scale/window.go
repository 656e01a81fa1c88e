package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rosterdns/roster/test/bench/load"
	"github.com/rosterdns/roster/test/bench/peers"
	"github.com/rosterdns/roster/test/bench/process"
)

// settle is how long changes run before something is measured: what follows them is then in
// its stride.
const settle = time.Second

// writes are changes to a registry.
type writes struct {
	etcd *peers.Etcd
	data load.Dataset
	rate int // a second
}

// probedServices is how many of the last services, at most, are probed and nothing else: a
// change at random would hide what a probe waits for.
const probedServices = 10

func (w writes) probedServices() int { return min(probedServices, w.data.Services/2) }

// target has the other services.
func (w writes) target() load.Dataset {
	d := w.data
	d.Services -= w.probedServices()
	return d
}

// probed is an instance that is probed, another one for each n up to a hundred.
func (w writes) probed(n int) int {
	return w.data.Instances() - 1 - n%(w.probedServices()*w.data.Each)
}

// during makes changes while do runs, and returns how many were made a second.
func (w writes) during(ctx context.Context, do func(context.Context) error) (perSecond float64, err error) {
	if w.rate == 0 {
		return 0, do(ctx)
	}
	changing, stop := context.WithCancel(ctx)
	defer stop()
	var (
		wg    sync.WaitGroup
		made  int
		wrong error
		start = time.Now()
	)
	wg.Go(func() { made, wrong = w.target().Change(changing, w.etcd.Client, prefix, w.rate) })
	err = do(ctx)
	stop()
	wg.Wait()
	return float64(made) / time.Since(start).Seconds(), errors.Join(err, wrong)
}

// roles are processes by what they are.
type roles map[string][]*process.Process

// reading is what processes have taken until a time.
type reading struct {
	at            time.Time
	cpu           map[string]time.Duration
	read, written map[string]int64
	machine       process.Machine
}

func (rs roles) reading() (r reading, err error) {
	r = reading{at: time.Now(), cpu: map[string]time.Duration{}, read: map[string]int64{}, written: map[string]int64{}}
	if r.machine, err = process.MachineTimes(); err != nil {
		return r, err
	}
	for role, ps := range rs {
		if r.cpu[role], err = process.CPU(ps...); err != nil {
			return r, err
		}
		for _, p := range ps {
			io, err := p.IO()
			if err != nil {
				return r, err
			}
			r.read[role] += io.Read
			r.written[role] += io.Written
		}
	}
	return r, nil
}

// costs are what processes take, by role: all of a role together.
type costs struct {
	cpu           map[string]float64 // percent of a processor
	read, written map[string]float64 // octets a second
	busy          float64            // percent of the machine
}

// over returns what processes take while do runs.
func (rs roles) over(do func() error) (costs, error) {
	before, err := rs.reading()
	if err != nil {
		return costs{}, err
	}
	if err := do(); err != nil {
		return costs{}, err
	}
	after, err := rs.reading()
	if err != nil {
		return costs{}, err
	}
	seconds := after.at.Sub(before.at).Seconds()
	c := costs{cpu: map[string]float64{}, read: map[string]float64{}, written: map[string]float64{}}
	for role := range rs {
		c.cpu[role] = percent((after.cpu[role] - before.cpu[role]).Seconds() / seconds)
		c.read[role] = float64(after.read[role]-before.read[role]) / seconds
		c.written[role] = float64(after.written[role]-before.written[role]) / seconds
	}
	c.busy = percent(float64(after.machine.Busy-before.machine.Busy) / float64(after.machine.All-before.machine.All))
	return c, nil
}

func percent(share float64) float64 { return 100 * share }
