package main

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/rosterdns/roster/cmd/registrar/internal/feed"
	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
)

// listPause is how often services are listed for a template: new ones are seldom, and a
// list costs etcd as much as all of a namespace.
const listPause = 30 * time.Second

// failedListPause is short, since a list that fails has been tried for long.
const failedListPause = time.Second

// watchLists returns what yields the names of services.
func watchLists(client *registrar.Client) feed.Watch[[]string] {
	return func(ctx context.Context, namespace string) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			last := []string(nil) // unknown
			failed := false
			for {
				names, err := listNames(ctx, client, namespace)
				if ctx.Err() != nil {
					return
				}
				changed := err != nil || failed || last == nil || !slices.Equal(names, last)
				if err == nil {
					last = append([]string{}, names...)
				}
				if changed && !yield(last, err) {
					return
				}
				pause := listPause
				if failed = err != nil; failed {
					pause = failedListPause
				}
				if backoff.Sleep(ctx, pause) != nil {
					return
				}
			}
		}
	}
}
