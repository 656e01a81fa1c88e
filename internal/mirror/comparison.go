package mirror

// comparison walks through a range of an index in step with the keys that etcd
// has of it, which ascend.
type comparison struct {
	index  *index
	rng    string
	at     *position
	more   bool                // at is at a key of the range
	gone   []string            // keys that etcd has not
	hashed map[string]struct{} // those that etcd has
}

func newComparison(in *index, rng string) *comparison {
	c := &comparison{index: in, rng: rng, at: in.from(rng), hashed: map[string]struct{}{}}
	c.look()
	return c
}

func (c *comparison) look() { c.more = c.at.more && covers(c.rng, string(c.at.key)) }

func (c *comparison) next() {
	c.at.next()
	c.look()
}

// find returns what the index has of the next key of etcd, by indexKey.
func (c *comparison) find(short string) (entry, bool) {
	if isHashed(short) {
		c.hashed[short] = struct{}{}
		return c.index.Get(short)
	}
	for ; c.more && string(c.at.key) < short; c.next() {
		c.gone = append(c.gone, string(c.at.key))
	}
	if !c.more || string(c.at.key) != short {
		return entry{}, false
	}
	had := c.at.entry
	c.next()
	return had, true
}

// ghosts returns the keys of the index that etcd has not, once all that it has
// have been looked for.
func (c *comparison) ghosts() []string {
	for ; c.more; c.next() {
		c.gone = append(c.gone, string(c.at.key))
	}
	if len(c.hashed) == 0 {
		return c.gone
	}
	absent := c.gone[:0]
	for _, short := range c.gone {
		if _, found := c.hashed[short]; !found {
			absent = append(absent, short)
		}
	}
	return absent
}
