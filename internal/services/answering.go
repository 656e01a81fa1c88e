package services

import "github.com/rosterdns/roster/catalog"

// Answers reports whether any instance answers for the service by itself: one that
// is up, or any if its policy has a min_up. Nil answers nothing.
func (s *Service) Answers() bool { return s != nil && catalog.AnyAnswers(s.Len(), s.up, s.policy.Up()) }

// Select returns the instances that a selector selects by the service's min_up;
// none of nil.
func (s *Service) Select(selector catalog.Selector) []*catalog.Instance {
	if s == nil {
		return nil
	}
	selector.MinUp = s.policy.Up()
	return selector.Select(s.All(), s.Len())
}

// Answering returns the service whose instances answer questions about a service
// as a whole: its alias, or itself; where that doesn't answer, the first of its
// failover that does. If none does it is the alias, or itself. Nil stands for a
// service that is not there. What the policies of the others say of alias and
// failover is not followed. ttl and max_answers are those of s, min_up and
// keep_last those of the service that answers.
func (g *Generation) Answering(s *Service) *Service {
	if s == nil || !s.policy.Redirects() {
		return s
	}
	first := s
	if alias := s.policy.Alias; !alias.IsZero() {
		first = g.Service(alias.Namespace, alias.Name)
	}
	if first.Answers() {
		return first
	}
	for _, name := range s.policy.Failover {
		if other := g.Service(name.Namespace, name.Name); other.Answers() {
			return other
		}
	}
	return first
}
