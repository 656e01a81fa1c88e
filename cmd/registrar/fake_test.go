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
	closeErr   error
	closeBlock chan struct{} // Close waits for it if it isn't nil
	closed     bool
}

// open is the open function of an app.
func (f *fakeRegistry) open(ctx context.Context, opts ...registrar.Option) (*registrar.Client, error) {
	if err := f.Init(ctx, opts...); err != nil {
		return nil, err
	}
	return registrar.NewClient(f), nil
}

func (f *fakeRegistry) Name() string { return "fake" }

func (f *fakeRegistry) Init(_ context.Context, opts ...registrar.Option) (err error) {
	f.opts, err = registrar.NewOptions(opts...)
	return err
}

func (f *fakeRegistry) Register(_ context.Context, s *registrar.Service) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.services = append(f.services, s)
	return nil
}

func (f *fakeRegistry) Unregister(context.Context, *registrar.Service) error { return nil }

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

func (f *fakeRegistry) Status() []registrar.InstanceStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]registrar.InstanceStatus(nil), f.statuses...)
}

func (f *fakeRegistry) set(statuses ...registrar.InstanceStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.statuses = statuses
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
