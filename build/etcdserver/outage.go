package etcdserver

import "time"

// outage logs that an etcd has failed and that it serves again, once each, and whatever else is new in between. It belongs
// to one goroutine.
type outage struct {
	dir   string
	since time.Time // zero: there is none
	last  string    // what was logged last
	tries int       // to start etcd
}

// begin notes that etcd has failed.
func (o *outage) begin(reason error) {
	if !o.since.IsZero() {
		o.again(reason)
		return
	}
	*o = outage{dir: o.dir, since: time.Now(), last: reason.Error()}
	log.Errorf("etcd with data folder %q failed: %v. DNS keeps answering from memory; registrations wait until etcd is "+
		"restarted", o.dir, reason)
}

// again notes that etcd has failed during the outage, or could not be started.
func (o *outage) again(reason error) {
	if reason.Error() == o.last {
		return
	}
	o.last = reason.Error()
	log.Errorf("etcd with data folder %q is still down (restart attempts: %d): %v", o.dir, o.tries, reason)
}

// end notes that etcd has served for a while, since that time.
func (o *outage) end(since time.Time) {
	if o.since.IsZero() {
		return
	}
	log.Infof("etcd with data folder %q serves again after %v (restart attempts: %d)", o.dir,
		since.Sub(o.since).Round(time.Second), o.tries)
	*o = outage{dir: o.dir}
}
