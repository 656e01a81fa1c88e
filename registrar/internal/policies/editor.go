// Package policies reads and writes the policies of services in etcd. What they
// mean is up to those who answer.
package policies

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
)

const (
	// overtakenBase and overtakenLimit bound the pause after another writer was
	// faster: of those that write at once, one gets through each time.
	overtakenBase  = 5 * time.Millisecond
	overtakenLimit = 200 * time.Millisecond
)

// Editor reads and writes policies. It is safe for concurrent use. Its errors are
// ErrInvalid, ErrNotFound, and those of Try; they leave it to the caller to say
// which service.
type Editor struct {
	// Txn carries out a transaction of etcd. Errors are those of clientv3.
	Txn func(context.Context, *pb.TxnRequest) (*pb.TxnResponse, error)
	// Try asks etcd, and again while it is away; see reader.Lister.
	Try func(ctx context.Context, ask func(context.Context) (answered bool, err error)) error
	// Prefix is that of the registry.
	Prefix string
}

// Get returns the policy of a service. The error is ErrNotFound also where what is
// stored can't be read.
func (e *Editor) Get(ctx context.Context, service catalog.ServiceName) (policy catalog.Policy, err error) {
	err = e.run(ctx, service, func(ctx context.Context, a *attempt) error {
		value, err := a.read(ctx, service)
		switch {
		case err != nil:
			return err
		case value == nil:
			return refusal{registrar.ErrNotFound}
		}
		if policy, err = catalog.DecodePolicy(value); err != nil {
			return refusal{fmt.Errorf("%w: readers ignore the stored one: %s", registrar.ErrNotFound, err.Error())} // not ErrInvalid: the caller made no mistake
		}
		return nil
	})
	return policy, err
}

// Update changes the policy of a service, the zero value where there is none, and
// returns what it is then, and whether that is something else than before. What
// others change at the same time is not lost: change is called again with theirs. A
// result that breaks a rule is ErrInvalid, such as an alias that leads back to the
// service. A stored policy with members that this version doesn't know stays as it
// is, since they would be lost.
func (e *Editor) Update(ctx context.Context, service catalog.ServiceName, change func(*catalog.Policy)) (policy catalog.Policy, changed bool, err error) {
	err = e.run(ctx, service, func(ctx context.Context, a *attempt) error {
		before, err := a.stored(ctx, service)
		if err != nil {
			return err
		}
		policy = before
		policy.Failover = slices.Clone(before.Failover)
		change(&policy)
		if policy.Equal(&before) {
			return nil
		}
		changed = true // and stays so where only the answer gets lost
		if err := a.check(ctx, &policy, service); err != nil {
			return err
		}
		return a.commit(ctx, &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{
			Key: a.key(service), Value: policy.EncodeValue(),
		}}})
	})
	return policy, changed, err
}

// Delete removes the policy of a service, also one that can't be read.
func (e *Editor) Delete(ctx context.Context, service catalog.ServiceName) error {
	sent := false
	return e.run(ctx, service, func(ctx context.Context, a *attempt) error {
		value, err := a.read(ctx, service)
		switch {
		case err != nil:
			return err
		case value == nil && sent:
			return nil // by the deletion whose answer was lost
		case value == nil:
			return refusal{registrar.ErrNotFound}
		}
		sent = true
		return a.commit(ctx, &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{
			Key: a.key(service),
		}}})
	})
}

// run makes attempts until one is not overtaken by another writer.
func (e *Editor) run(ctx context.Context, service catalog.ServiceName, do func(context.Context, *attempt) error) error {
	if err := errors.Join(catalog.CheckNamespace(service.Namespace), catalog.CheckLabel("name", service.Name)); err != nil {
		return err
	}
	var refused error
	err := e.Try(ctx, func(ctx context.Context) (answered bool, err error) {
		answered, err = e.attempts(ctx, do)
		if r, ok := errors.AsType[refusal](err); ok {
			refused, err = r.error, nil
		}
		return answered, err
	})
	if err != nil {
		return err
	}
	return refused
}

// attempts makes attempts until one is not overtaken, and reports whether etcd has
// answered something.
func (e *Editor) attempts(ctx context.Context, do func(context.Context, *attempt) error) (answered bool, err error) {
	pause := backoff.New(overtakenBase, overtakenLimit)
	for {
		a := &attempt{transact: e.Txn, prefix: e.Prefix}
		if err = do(ctx, a); !errors.Is(err, errOvertaken) {
			return a.answered, err
		}
		if err := pause.Wait(ctx); err != nil {
			return true, err
		}
	}
}
