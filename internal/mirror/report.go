package mirror

import (
	"errors"
	"fmt"
	"time"

	"github.com/rosterdns/roster/internal/etcdclient"
)

// slowStart is after what time a first list is reported though nothing has
// failed: whoever waits for it may have reported that there is none.
const slowStart = time.Second

// reporter tells the log and the observer what happens. It belongs to the loop;
// neither is told under a lock.
type reporter struct {
	*core
	state     State     // the last that was told
	last      time.Time // contact that was told
	listed    bool      // a list was complete
	began     time.Time
	warned    Reason // the last one that was logged before the first list
	memberErr bool   // a member that refuses was logged
	lost      bool   // the loss of contact was logged
}

// contacted tells of contact that has come back.
func (p *reporter) contacted() {
	old, before := p.state, p.last
	now := p.Status()
	p.last = now.Contact
	if now.State != Live {
		return // the time has passed already
	}
	first := !p.listed
	p.listed, p.state = true, Live
	p.contact.live.Store(true)
	log := p.cfg.Log
	switch {
	case first:
		if p.warned != "" || old == Stale || time.Since(p.began) >= slowStart {
			log.Info("etcd can be read now", "prefix", p.cfg.Root, "revision", now.Revision, "keys", now.Keys)
		}
	case p.lost:
		log.Info("back in contact with etcd", "prefix", p.cfg.Root, "revision", now.Revision,
			"away", now.Contact.Sub(before).Round(time.Millisecond).String())
	}
	p.lost = false
	if old != Live {
		p.cfg.Observer.StateChanged(now)
	}
}

// expire tells when contact is lost, and returns when that has to be looked at
// again. A mirror of nothing is in contact with nobody, which is no fault.
func (p *reporter) expire(follows bool) (next time.Time) {
	if p.state != Live {
		return time.Time{}
	}
	now := p.Status()
	if now.State == Live {
		return now.Contact.Add(FreshFor)
	}
	p.state, p.last = Stale, now.Contact
	p.contact.live.Store(false)
	if follows {
		p.lost = true
		err := now.Err
		if err == nil {
			err = p.explain(errSilent)
		}
		p.cfg.Log.Warn("no contact with etcd: the mirror is stale and goes on answering",
			"prefix", p.cfg.Root, "revision", now.Revision, "error", err)
	}
	p.cfg.Observer.StateChanged(now)
	return time.Time{}
}

// failed tells of a failure of all ranges, or of one.
func (p *reporter) failed(f failure, r *Range) {
	log, prefix := p.cfg.Log, p.cfg.Root
	kind := etcdclient.KindOf(f.err)
	switch {
	case kind == etcdclient.MemberRefuses && !p.memberErr:
		p.memberErr = true
		log.Warn("an etcd member doesn't serve reads (is it a learner?): trying the others", "prefix", prefix, "error", f.err)
	case kind == etcdclient.MemberRefuses:
		log.Debug("an etcd member doesn't serve reads", "prefix", prefix, "error", f.err)
	case !p.listed && f.reason != p.warned:
		p.warned = f.reason
		log.Warn("etcd can't be read yet: retrying", "prefix", prefix, "reason", string(f.reason), "error", f.err)
	case p.listed && r != nil && kind == etcdclient.Forbidden && !r.refused:
		r.refused = true
		log.Warn("etcd denies access to a range: retrying", "range", prefix+r.name, "error", f.err)
	default:
		log.Debug("a watch or a list has failed: retrying", "prefix", prefix, "reason", string(f.reason), "error", f.err)
	}
	p.cfg.Observer.Failed(f.reason, f.err)
}

// granted tells that a range that etcd denied can be read.
func (p *reporter) granted(r *Range) {
	if r.refused {
		r.refused = false
		p.cfg.Log.Info("a range can be read now", "range", p.cfg.Root+r.name)
	}
}

// explain adds to an error what the source knows of its connection.
func (p *reporter) explain(err error) error {
	if why := p.cfg.Source.LastError(); why != nil && !errors.Is(err, why) {
		return fmt.Errorf("%w: %w", err, why)
	}
	return err
}
