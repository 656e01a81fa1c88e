package services

// Attachment returns what readers have with this version of the service: the
// result of build, which is called at the first use. Callers that come meanwhile
// wait for it. It goes with the version, so that it never needs to be
// invalidated, and costs nothing where nobody asks for it. It can be built once
// more for a reader that still has a version which was replaced some commits ago.
//
// Build is given the attachment of an earlier version too, if the service is large and
// there was one; else nil. The earlier one must not refer to those before it.
//
// There is one attachment. All who read a Store pass the same build. Neither it
// nor its result may depend on who asks. A Retirer is told when the version is replaced.
func (s *Service) Attachment(build func(s *Service, before any) any) any {
	if made := s.attached.Load(); made != nil {
		return (*made)()
	}
	return attach(&s.attached, func() any {
		made := build(s, s.inherited())
		s.built.Store(&made)
		if s.replaced.Load() { // before there was something to retire
			retire(made)
		}
		return made
	})
}

// Retirer is an attachment that readers find without the generation, and so have to be
// kept from once the version is not the present one.
type Retirer interface {
	// Retire is called before readers can see the next version, or as soon as the
	// attachment is made of a version that was replaced; perhaps more than once. It must
	// not block.
	Retire()
}

func retire(attachment any) {
	if r, ok := attachment.(Retirer); ok {
		r.Retire()
	}
}

// replace says that readers are about to see another version.
func (s *Service) replace() {
	s.replaced.Store(true)
	if made := s.built.Load(); made != nil { // else it is retired as soon as it is there
		retire(*made)
	}
}

// IsLarge reports whether the service has so many instances that its attachment is
// made of the one of an earlier version: those of smaller services are made as fast
// from their instances.
func (s *Service) IsLarge() bool { return s.Len() > maxRun }

// inherit has the attachment of a large service be made of that of an earlier version,
// which can be nil.
func (s *Service) inherit(old *Service) {
	if old == nil || !s.IsLarge() {
		return
	}
	before := old.before.Load()
	if made := old.attached.Load(); made != nil { // which takes before
		before = made
	}
	s.before.Store(before)
}

// inherited returns the attachment of an earlier version, or nil.
func (s *Service) inherited() any {
	if made := s.before.Swap(nil); made != nil {
		return (*made)()
	}
	return nil
}
