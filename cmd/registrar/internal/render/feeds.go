package render

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/rosterdns/roster/cmd/registrar/internal/feed"
	"github.com/rosterdns/roster/registrar"
)

// Watch says where services come from.
type Watch struct {
	// Service is registrar.Client's Watch.
	Service feed.Watch[*registrar.Service]
	// Services yields the names of the services of a namespace, and of all for the empty
	// one, as NAMESPACE/SERVICE.
	Services feed.Watch[[]string]
}

// feeds is the Source of what is followed.
type feeds struct {
	services *feed.Feed[*registrar.Service]
	lists    *feed.Feed[[]string]
}

func newFeeds(ctx context.Context, watch Watch) *feeds {
	return &feeds{services: feed.New(ctx, watch.Service), lists: feed.New(ctx, watch.Services)}
}

func (f *feeds) Close() {
	f.services.Close()
	f.lists.Close()
}

// Service implements Source.
func (f *feeds) Service(name string) ([]registrar.Instance, bool) {
	f.services.Follow(name)
	st, _ := f.services.Latest(name)
	if st.Value == nil {
		return nil, false
	}
	return st.Value.Instances, true
}

// Services implements Source.
func (f *feeds) Services(namespace string) ([]string, bool) {
	f.lists.Follow(namespace)
	st, _ := f.lists.Latest(namespace)
	return st.Value, st.Value != nil
}

// keep ends the following of what a result did not ask for.
func (f *feeds) keep(r Result) {
	f.services.Keep(r.Services)
	f.lists.Keep(r.Lists)
}

// problem returns why some of what a result asked for is stale or unknown; nil if all is
// well. It is final where nothing more will come of it, or the user was never allowed to
// read it.
func (f *feeds) problem(r Result) (err error, final bool) {
	for _, name := range slices.Sorted(maps.Keys(r.Services)) {
		st, _ := f.services.Latest(name)
		if st.Err != nil {
			return st.Err, isFinal(st.Ended, st.Value != nil, st.Err)
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(r.Lists)) {
		st, _ := f.lists.Latest(namespace)
		if st.Err != nil {
			return st.Err, isFinal(st.Ended, st.Value != nil, st.Err)
		}
	}
	return nil, false
}

func isFinal(ended, known bool, err error) bool {
	return ended || !known && errors.Is(err, registrar.ErrPermission)
}
