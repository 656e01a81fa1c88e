package services

import "sync"

// Attachment returns what readers keep with this version of the service: the
// result of build, which is called once, at the first use. Callers that come
// meanwhile wait for it. It is dropped with the version, so that it never needs
// to be invalidated, and costs nothing where nobody asks for it.
//
// There is one attachment. All who read a Store pass the same build. Neither it
// nor its result may depend on who asks.
func (s *Service) Attachment(build func(*Service) any) any {
	attached := s.attached.Load()
	if attached == nil {
		once := sync.OnceValue(func() any { return build(s) })
		if s.attached.CompareAndSwap(nil, &once) {
			attached = &once
		} else {
			attached = s.attached.Load()
		}
	}
	return (*attached)()
}
