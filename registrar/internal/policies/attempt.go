package policies

import (
	"context"
	"errors"
	"fmt"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/rosterdns/roster/catalog"
)

const (
	// requestTimeout leaves time for another member of etcd, where one hangs.
	requestTimeout = 2 * time.Second
	// maxAliases bounds how many aliases are followed to find a loop. Readers follow
	// one; etcd takes 128 compares in a transaction by default.
	maxAliases = 32
)

// errOvertaken says that something which an attempt has read is not so any more.
var errOvertaken = errors.New("changed by another writer")

// refusal is an error that is none of etcd's.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// attempt is one try at what an Editor is asked for: what it has read must be so
// still when it writes.
type attempt struct {
	transact func(context.Context, *pb.TxnRequest) (*pb.TxnResponse, error) // Editor.Txn
	prefix   string                                                         // Editor.Prefix
	compares []*pb.Compare
	answered bool
}

// key returns the key of a service's policy.
func (a *attempt) key(service catalog.ServiceName) []byte {
	return []byte(catalog.PolicyKey(a.prefix, service.Namespace, service.Name))
}

// txn asks etcd.
func (a *attempt) txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := a.transact(ctx, r)
	a.answered = a.answered || err == nil
	return resp, err
}

// read returns the value of a service's policy, nil if there is none.
func (a *attempt) read(ctx context.Context, service catalog.ServiceName) (value []byte, err error) {
	key := a.key(service)
	resp, err := a.txn(ctx, &pb.TxnRequest{Success: []*pb.RequestOp{{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: key}}}}})
	if err != nil {
		return nil, err
	}
	unchanged := &pb.Compare_ModRevision{} // 0: absent
	if kvs := resp.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		unchanged.ModRevision = kvs[0].ModRevision
		value = append([]byte{}, kvs[0].Value...)
	}
	a.compares = append(a.compares, &pb.Compare{Key: key, Target: pb.Compare_MOD, TargetUnion: unchanged})
	return value, nil
}

// stored returns the policy of a service as a writer has to have it: with all that
// it says. It is the zero value where there is none.
func (a *attempt) stored(ctx context.Context, service catalog.ServiceName) (policy catalog.Policy, err error) {
	value, err := a.read(ctx, service)
	if err != nil || value == nil {
		return catalog.Policy{}, err
	}
	if err := policy.UnmarshalJSON(value); err != nil {
		return catalog.Policy{}, refusal{errors.New("the stored one can't be changed: " + err.Error() + ": delete it first")} // not ErrInvalid: the caller made no mistake
	}
	return policy, nil
}

// check checks a policy of a service by the rules, and by the aliases of others.
func (a *attempt) check(ctx context.Context, policy *catalog.Policy, service catalog.ServiceName) error {
	var failed error
	left := maxAliases
	err := policy.ValidateFor(service, func(other catalog.ServiceName) (alias catalog.ServiceName) {
		if left--; left < 0 {
			failed = refusal{&catalog.FieldError{Field: "alias", Reason: fmt.Sprintf("is the first of more than %d aliases", maxAliases)}}
		} else {
			alias, failed = a.alias(ctx, other)
		}
		return alias
	})
	if failed == nil && err != nil {
		failed = refusal{err}
	}
	return failed
}

// alias returns the alias of a service. A policy that can't be read has none.
func (a *attempt) alias(ctx context.Context, service catalog.ServiceName) (catalog.ServiceName, error) {
	value, err := a.read(ctx, service)
	if err != nil {
		return catalog.ServiceName{}, fmt.Errorf("looking whether the alias leads back by way of %s: %w", service, err)
	}
	policy, _ := catalog.DecodePolicy(value)
	return policy.Alias, nil
}

// commit carries out an operation if all is as it was read.
func (a *attempt) commit(ctx context.Context, op *pb.RequestOp) error {
	resp, err := a.txn(ctx, &pb.TxnRequest{Compare: a.compares, Success: []*pb.RequestOp{op}})
	if err == nil && !resp.Succeeded {
		return errOvertaken
	}
	return err
}
