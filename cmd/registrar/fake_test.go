package main

import (
	"context"
	"sync"

	"github.com/rosterdns/roster/registrar"
)

// fakeRegistry is a registry whose troubles a test makes.
type fakeRegistry struct {
	mu         sync.Mutex
	opts       *registrar.Options
	services   []*registrar.Service
	statuses   []registrar.InstanceStatus
	waitErr    error
	getErr     error
	keys       map[instanceName]bool
	existsErr  error
	removed    []instanceName
	closeErr   error
	empty      bool          // of the whole registry
	looks      int           // at Status
	closeBlock chan struct{} // Close waits for it if it isn't nil
	closed     bool

	registering chan struct{} // if it isn't nil, Register waits for it or its context
	deaf        bool          // it doesn't wait for its context
}

// open is the open function of an app.
func (f *fakeRegistry) open(ctx context.Context, opts ...registrar.Option) (*registrar.Client, error) {
	if err := f.Init(ctx, opts...); err != nil {
		return nil, err
	}
	return registrar.NewClient(f), nil
}

func (f *fakeRegistry) Name() string { return "fake" }

func (f *fakeRegistry) Init(_ context.Context, opts ...registrar.Option) error {
	o, err := registrar.NewOptions(opts...)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opts = o
	return err
}

func (f *fakeRegistry) Register(ctx context.Context, s *registrar.Service) error {
	if f.registering != nil {
		done := ctx.Done()
		if f.deaf {
			done = nil
		}
		select {
		case <-f.registering:
		case <-done:
		}
	}
	f.mu.Lock()
	f.services = append(f.services, s)
	f.mu.Unlock()
	f.tell()
	return nil
}

// tell tells the observer that something has changed, if the registry is open.
func (f *fakeRegistry) tell() {
	f.mu.Lock()
	o := f.opts
	f.mu.Unlock()
	if o != nil && o.Observer != nil {
		o.Observer.Registered(registrar.InstanceStatus{})
	}
}

func (f *fakeRegistry) Unregister(_ context.Context, s *registrar.Service) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range s.Instances {
		f.removed = append(f.removed, instanceName{s.Namespace, s.Name, in.ID})
	}
	return nil
}

// Exists implements finder.
func (f *fakeRegistry) Exists(_ context.Context, namespace, service, id string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.keys[instanceName{namespace, service, id}], f.existsErr
}

func (f *fakeRegistry) GetService(context.Context, string) (*registrar.Service, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.getErr != nil {
		return nil, f.getErr
	}
	return &registrar.Service{}, nil
}

func (f *fakeRegistry) Wait(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waitErr
}

// Empty implements inspector.
func (f *fakeRegistry) Empty(context.Context) (bool, error) { return f.empty, f.existsErr }

func (f *fakeRegistry) Status() []registrar.InstanceStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	return append([]registrar.InstanceStatus(nil), f.statuses...)
}

func (f *fakeRegistry) set(statuses ...registrar.InstanceStatus) {
	f.mu.Lock()
	f.statuses = statuses
	f.mu.Unlock()
	f.tell()
}

func (f *fakeRegistry) Close() error {
	if f.closeBlock != nil {
		<-f.closeBlock
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return f.closeErr
}
