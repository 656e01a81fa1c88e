package roster

import (
	"sync/atomic"
	"weak"

	"github.com/rosterdns/roster/internal/services"
)

// servedService is one version of a service, and what is remembered of its answers. It is
// safe for concurrent use.
type servedService struct {
	service *services.Service
	// hot are the record sets that most questions are for, and slots what is packed of
	// these.
	hot   hotSets
	slots packSlots
	// lasting is the view where that lasts as long as the version; else it is nil.
	lasting *view
	// made is the view otherwise, as long as it is among the last ones that were made, or
	// somebody uses it.
	made atomic.Pointer[weak.Pointer[view]]
}

// Retire implements services.Retirer.
func (sv *servedService) Retire() { sv.slots.retire() }

// servedOf returns what is served of a service, which is made once for each version.
func servedOf(s *services.Service) *servedService {
	return s.Attachment(serve).(*servedService)
}

// serve makes what is served of a version of a service, of what was served of an earlier
// one, which can be nil. The view of a large one takes too long to be made again.
func serve(s *services.Service, before any) any {
	if !s.IsLarge() {
		return &servedService{service: s}
	}
	sv := newServed(s)
	var last *large
	if before, ok := before.(*servedService); ok && before.lasting != nil {
		last = before.lasting.whole.large
	}
	sv.lasting.shared, sv.lasting.whole.large = true, newLarge(s, last)
	return sv
}

// newServed returns what is served of a service, of which nothing is remembered beyond.
func newServed(s *services.Service) *servedService {
	return &servedService{service: s, lasting: newView(s)}
}

// view returns what is selected from the service.
func (sv *servedService) view() *view {
	if sv.lasting != nil {
		return sv.lasting
	}
	made := sv.made.Load()
	if made != nil {
		if v := made.Value(); v != nil {
			return v
		}
	}
	v := newView(sv.service)
	next := weak.Make(v)
	sv.made.CompareAndSwap(made, &next) // or there is one meanwhile
	recentViews.add(v)
	return v
}

// whole returns what is selected without a selector.
func (sv *servedService) whole() *selection { return &sv.view().whole }
