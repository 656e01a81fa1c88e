package driver

import "context"

// Empty reports whether the registry has no key at all, as with a prefix that is
// mistyped. Errors are those of Client.List, and leave it to the caller to say what was
// read.
func (d *driver) Empty(ctx context.Context) (bool, error) {
	p, err := d.ready()
	if err != nil {
		return false, err
	}
	return p.lister.Empty(ctx)
}
