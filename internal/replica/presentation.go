package replica

// setPresentation reports whether that is another one.
func (g *registry) setPresentation(presentation string) (changed bool) {
	g.restoring.Lock() // a snapshot's is compared with the one or the other
	defer g.restoring.Unlock()
	before := g.presentedBy()
	if before == presentation {
		return false
	}
	if anotherPresentation(before, presentation) {
		// The other way round a snapshot could have the new one with a serial that was
		// shown by the old one.
		g.store.RaiseSerial()
	}
	g.mu.Lock()
	g.presentation = presentation
	g.mu.Unlock()
	return true
}

// anotherPresentation reports whether contents are shown in another way than before. An
// empty string says that nobody knows, as of a file of an older version.
func anotherPresentation(before, now string) bool {
	return before != "" && now != "" && before != now
}

func (g *registry) presentedBy() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.presentation
}
