package mirror

// appender adds keys to an index, those that come in order at no more cost than their
// text.
type appender struct {
	index *index
	last  string // the greatest key so far
	open  []byte // a block that is not in the index yet: of the last keys
	count int    // of its keys
}

// newAppender returns one for an index that may have keys already.
func newAppender(x *index) *appender {
	a := &appender{index: x}
	if _, b, ok := x.blocks.Max(); ok {
		w := b.walk()
		for w.next() {
		}
		a.last = string(w.key)
	}
	return a
}

// add adds or replaces a key.
func (a *appender) add(key string, e entry) {
	if key <= a.last {
		a.done().Set(key, e)
		return
	}
	before := a.last
	if len(a.open) == 0 {
		before = ""
	}
	a.open = appendKey(a.open, before, key, e)
	a.last = key
	if a.count++; len(a.open) > maxBlock-maxBlock/32 { // most keys fit into the rest no more
		a.done()
	}
}

// done returns the index with all that was added.
func (a *appender) done() *index {
	if len(a.open) > 0 {
		a.index.put(block(a.open))
		a.index.count += a.count
		a.open, a.count = a.open[:0], 0
	}
	return a.index
}

// replace has the index hold, of a range, the keys of another index, which has no
// others.
func (x *index) replace(rng string, found *index) {
	var gone []string
	before, after := appender{index: new(index)}, appender{index: new(index)}
	inRange := 0
	first, _ := x.block(rng)
	x.blocks.Ascend(first, func(first string, b block) bool {
		if first > rng && !covers(rng, first) {
			return false
		}
		gone = append(gone, first)
		for w := b.walk(); w.next(); {
			switch key := string(w.key); {
			case covers(rng, key):
				inRange++
			case key < rng:
				before.add(key, w.entry)
			default:
				after.add(key, w.entry)
			}
		}
		return true
	})
	for _, first := range gone {
		x.blocks.Delete(first)
	}
	x.count += found.count - inRange
	for _, part := range []*index{before.done(), found, after.done()} {
		part.blocks.Scan(func(_ string, b block) bool {
			x.put(b)
			return true
		})
	}
}
