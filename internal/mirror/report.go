package mirror

import (
	"errors"
	"fmt"
	"time"

	"github.com/rosterdns/roster/internal/etcdclient"
)

// slowStart is how long the first list can take before its end is logged although
// nothing failed: a caller that waited for it may have logged that it is missing.
const slowStart = time.Second

// reporter logs what happens and calls the observer. It belongs to the loop, and
// holds no lock meanwhile.
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

// contacted reports that contact is back, if it was lost.
func (p *reporter) contacted() {
	old, before := p.state, p.last
	now := p.Status()
	p.last = now.Contact
	if now.State != Live {
		return // by now it is too old
	}
	first := !p.listed
	p.listed, p.state = true, Live
	p.contact.live.Store(true)
	log := p.cfg.Log
	switch {
	case first:
		if p.warned != "" || old == Stale || time.Since(p.began) >= slowStart {
			log.Info("etcd can be read now", "revision", now.Revision, "keys", now.Keys)
		}
	case p.lost:
		log.Info("back in contact with etcd", "revision", now.Revision,
			"away", now.Contact.Sub(before).Round(time.Millisecond).String())
	}
	p.lost = false
	if old != Live {
		p.ranges.notify()
		p.cfg.Observer.StateChanged(now)
	}
}

// expire reports that contact is lost, and returns when to check again. A mirror
// that follows no range has no contact either, which is not told.
func (p *reporter) expire(follows bool) (next time.Time) {
	if p.state != Live {
		return time.Time{}
	}
	now := p.Status()
	if now.State == Live {
		return now.Contact.Add(p.contact.freshFor())
	}
	p.state, p.last = Stale, now.Contact
	p.contact.live.Store(false)
	if follows {
		p.lost = true
		err := now.Err
		if err == nil {
			err = p.explain(errSilent)
		}
		p.cfg.Log.Warn("no contact with etcd: still answering from the last known state",
			"revision", now.Revision, "error", err)
		p.ranges.notify()
		p.cfg.Observer.StateChanged(now)
	}
	return time.Time{}
}

// failed reports a failure of all ranges, or of one.
func (p *reporter) failed(f failure, r *Range) {
	log := p.cfg.Log
	kind := etcdclient.KindOf(f.err)
	switch {
	case kind == etcdclient.MemberRefuses && !p.memberErr:
		p.memberErr = true
		log.Warn("an etcd member doesn't serve reads (is it a learner?): trying the others", "error", f.err)
	case kind == etcdclient.MemberRefuses:
		log.Debug("an etcd member doesn't serve reads", "error", f.err)
	case !p.listed && f.reason != p.warned:
		p.warned = f.reason
		log.Warn("etcd can't be read yet: retrying", "reason", string(f.reason), "error", f.err)
	case p.listed && r != nil && kind == etcdclient.Forbidden && !r.refused:
		r.refused = true
		log.Warn("etcd denies access to a range: retrying", "range", p.cfg.Root+r.name, "error", f.err)
	default:
		log.Debug("a watch or a list has failed: retrying", "reason", string(f.reason), "error", f.err)
	}
	p.cfg.Observer.Failed(f.reason, f.err)
}

// granted reports that a range can be read that etcd denied before.
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
