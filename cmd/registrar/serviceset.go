package main

import (
	"context"
	"fmt"
	"iter"

	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/registrar"
)

// serviceSet is services that are registered together.
type serviceSet []*registrar.Service

// fewInstances is as many as are told of one by one: more of them scroll what else is
// said off the screen.
const fewInstances = 10

// size counts the instances.
func (set serviceSet) size() (n int) {
	for _, s := range set {
		n += len(s.Instances)
	}
	return n
}

// many reports whether instances are told of in sum.
func (set serviceSet) many() bool { return set.size() > fewInstances }

// sum says in sum what is registered, as in "500 instances of default/orders".
func (set serviceSet) sum(n int) string {
	where := fmt.Sprintf("%s/%s", set[0].Namespace, set[0].Name)
	if len(set) > 1 {
		where = fmt.Sprintf("%d services", len(set))
	}
	return fmt.Sprintf("%s of %s", count(n, "instance"), where)
}

// summary names what is registered, for errors.
func (set serviceSet) summary() string {
	s := set[0]
	if len(set) > 1 {
		return fmt.Sprintf("%d services", len(set))
	}
	if len(s.Instances) > 1 {
		return fmt.Sprintf("%d instances of %s/%s", len(s.Instances), s.Namespace, s.Name)
	}
	return instanceName{s.Namespace, s.Name, s.Instances[0].ID}.String()
}

// names yields the names of all instances.
func (set serviceSet) names() iter.Seq[instanceName] {
	return func(yield func(instanceName) bool) {
		for _, s := range set {
			for i := range s.Instances {
				if !yield(instanceName{s.Namespace, s.Name, s.Instances[i].ID}) {
					return
				}
			}
		}
	}
}

// submitAtOnce is how many services are handed over at once: the client writes in one
// transaction what is pending together, and one service after the other would each wait
// for its own.
const submitAtOnce = 128

// submit hands all services to the client, or those that it comes to until ctx is done.
func (set serviceSet) submit(ctx context.Context, client *registrar.Client) error {
	var submitting errgroup.Group
	submitting.SetLimit(submitAtOnce)
	for _, s := range set {
		submitting.Go(func() error {
			if ctx.Err() != nil {
				return nil // who waits sees it
			}
			if err := client.Register(ctx, s); err != nil {
				return fmt.Errorf("registering %s/%s: %w", s.Namespace, s.Name, err)
			}
			return nil
		})
	}
	return submitting.Wait()
}
