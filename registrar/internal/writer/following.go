package writer

// following is the entries whose keys are to be followed now, or no more.
type following map[*entry]bool

// look notes an entry if it is one.
func (f *following) look(e *entry) {
	if e.toFollow() == (e.sub != nil) {
		return
	}
	if *f == nil {
		*f = following{}
	}
	(*f)[e] = true
}
