package main

import "github.com/rosterdns/roster/registrar"

// statusWake is an observer that wakes who tells of the status of registrations.
type statusWake struct {
	registrar.NopObserver
	c chan struct{} // holds one value: who comes late sees what there is then
}

func newStatusWake() statusWake { return statusWake{c: make(chan struct{}, 1)} }

// Registered implements registrar.Observer.
func (w statusWake) Registered(registrar.InstanceStatus) { w.wake() }

// Contacted implements registrar.Observer.
func (w statusWake) Contacted(bool) { w.wake() }

func (w statusWake) wake() {
	select {
	case w.c <- struct{}{}:
	default:
	}
}
