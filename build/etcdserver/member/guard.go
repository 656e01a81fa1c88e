package member

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/server/v3/storage/wal"

	"github.com/rosterdns/roster/internal/backoff"
)

const (
	// checkEvery is how often free space is looked at, which costs a system call.
	checkEvery = time.Second

	// alarmTimeout bounds how long the guard waits for etcd to raise or to disarm an alarm, which takes milliseconds where
	// there is a leader. The guard tries again at its next check.
	alarmTimeout = 2 * time.Second

	// alarmBytes is the free space without which no alarm is raised: the alarm is written to the database, and without
	// room for a few of its pages that would be the end of etcd. Registrations are refused all the same.
	alarmBytes = 1 << 20

	// reserveSegments is the reserve in files of etcd's log. etcd allocates the next file whole when it begins one, which
	// takes one of them. The other is for what is written while registrations are refused, the removal of instances, and
	// for the commits of the database, which lag behind by up to a tenth of a second.
	reserveSegments = 2

	// segmentsPerDisk is by what the size of a file system is divided to get the size of a file of etcd's log. Two of them
	// are allocated at the first start; later there may be seven, less than a quarter of the disk.
	segmentsPerDisk = 32

	// minSegmentBytes is for tiny file systems. A request of etcd may have 1.5 MiB, and shouldn't take a file each.
	minSegmentBytes = 2 << 20

	// maxSegmentBytes is etcd's own size, which file systems of 2 GB and more get.
	maxSegmentBytes = 64 * 1000 * 1000
)

// alarms are what the guard needs of an etcd.
type alarms interface {
	// nospace reports whether a NOSPACE alarm is on, and whether this member has raised it.
	nospace() (some, own bool)
	// alarm raises or disarms the NOSPACE alarm of this member.
	alarm(ctx context.Context, raise bool) error
	// overQuota reports whether the database fills its quota: the reason for which etcd itself raises the alarm.
	overQuota() bool
	// starved reports whether etcd has failed to allocate the next file of its log.
	starved() bool
	// alone reports whether this etcd is the only voting member.
	alone() bool
}

// guard keeps an etcd from meeting a full disk, which ends it: it refuses registrations before, and raises etcd's own
// alarm. admit is safe for concurrent use; the rest belongs to one goroutine.
type guard struct {
	dir   string
	space func(dir string) (free, size uint64, err error) // safe for concurrent use
	to    *reporter

	refusing atomic.Bool // registrations are refused
	single   atomic.Bool // the etcd is the only member

	free, reserve uint64 // zero before they were measured
	unmeasurable  bool   // they could not be measured last time, which was logged
	low           bool   // free is below reserve, or was, and is not yet well above
	warned        bool   // that space is short
	warnedAlone   bool   // and that registrations are refused, not that this member is about to stop
	own           bool   // this member's alarm is on
	raising       bool   // the last check tried to raise it
	ours          bool   // and was raised for the disk
}

// segmentBytes is the size that the files of etcd's log have on a file system of a size. etcd allocates them in advance.
func segmentBytes(size uint64) uint64 {
	return min(max(size/segmentsPerDisk, minSegmentBytes), maxSegmentBytes)
}

// reserveOf is how much of a file system has to stay free.
func reserveOf(size uint64) uint64 { return reserveSegments * segmentBytes(size) }

// fit makes the files of etcd's log fit the file system of the data folder. It is called before etcd is started.
func (g *guard) fit() {
	if _, size, err := g.space(g.dir); err == nil {
		wal.SegmentSizeBytes = int64(segmentBytes(size))
	}
}

// admit returns etcd's error for a full disk if there is no space for a registration. It looks at the file system each
// time, which takes a microsecond: between two checks a busy client could write more than the reserve, and what etcd
// refuses by its alarm it has written to its log before.
func (g *guard) admit() error {
	if g.refusing.Load() {
		return rpctypes.ErrGRPCNoSpace
	}
	if !g.single.Load() {
		return nil
	}
	free, size, err := g.space(g.dir)
	if err != nil || free >= reserveOf(size) {
		return nil
	}
	g.refusing.Store(true) // until the next check
	return rpctypes.ErrGRPCNoSpace
}

// awaitRoom waits until there is space for etcd, or for ctx, whose error it then returns. An etcd that starts without space
// fails at once, and leaves something behind each time.
func (g *guard) awaitRoom(ctx context.Context) error {
	for waiting := false; ; waiting = true {
		g.measure()
		g.to.report(Event{Kind: Disk, Free: g.free, Reserve: g.reserve})
		if g.unmeasurable || !g.low {
			return ctx.Err()
		}
		if !waiting {
			g.to.Errorf("etcd with data folder %q waits for disk space (%s free, reserve %s): free space there, or "+
				"enlarge the file system", g.dir, humanize.IBytes(g.free), humanize.IBytes(g.reserve))
		}
		if err := backoff.Sleep(ctx, checkEvery); err != nil {
			return err
		}
	}
}

// watch checks until ctx is done, or until etcd has to be replaced, which it reports.
func (g *guard) watch(ctx context.Context, etcd alarms) (replace bool) {
	for {
		g.check(ctx, etcd)
		if etcd.starved() && g.roomForLog() {
			return true
		}
		if backoff.Sleep(ctx, checkEvery) != nil {
			return false
		}
	}
}

// check looks at the file system and at etcd, and raises or disarms the alarm as is right. What fails is tried again at the
// next check; etcd says in its own log what is wrong with it.
func (g *guard) check(ctx context.Context, etcd alarms) {
	g.measure()
	some, own := etcd.nospace()
	// An alarm outlives the process that raised it, and may appear long after the call to raise it was given up.
	if own && !g.own {
		g.ours = g.raising || !etcd.overQuota()
	}
	g.own, g.raising = own, false
	short, alone := g.low || etcd.starved(), etcd.alone()
	g.single.Store(alone)
	g.refusing.Store(short && alone)
	g.report(short, alone)
	g.to.report(Event{Kind: Disk, Free: g.free, Reserve: g.reserve, NoSpace: some})
	g.act(ctx, etcd, short && alone)
}

// act raises or disarms the alarm. In a cluster the guard only warns: the alarm of one member would stop the registrations
// of all, while the others go on without one that has failed. One that was raised before others joined is therefore
// disarmed, however little space there is: that reaches the others even if it ends this member.
func (g *guard) act(ctx context.Context, etcd alarms, refuse bool) {
	raise := refuse && !g.own && g.free >= alarmBytes
	disarm := !refuse && g.own && g.ours
	if !raise && !disarm {
		return
	}
	g.raising = raise
	if disarm {
		g.own = false // if it is on again at the next look, that may be for the quota
	}
	ctx, cancel := context.WithTimeout(ctx, alarmTimeout)
	defer cancel()
	_ = etcd.alarm(ctx, raise)
}

// measure looks at the file system.
func (g *guard) measure() {
	free, size, err := g.space(g.dir)
	if err != nil {
		if !g.unmeasurable && !errors.Is(err, errors.ErrUnsupported) {
			g.to.Warningf("can't measure free disk space, so a full disk is not noticed until etcd fails: %v", err)
		}
		g.unmeasurable = true
		return
	}
	g.free, g.reserve, g.unmeasurable = free, reserveOf(size), false
	switch {
	case g.free < g.reserve:
		g.low = true
	case g.free >= g.reserve+g.reserve/4: // so that space that hovers at the reserve doesn't make the alarm flap
		g.low = false
	}
}

// roomForLog reports whether there is space enough for the next file of etcd's log beside the reserve.
func (g *guard) roomForLog() bool {
	return g.reserve > 0 && !g.low && g.free >= g.reserve+g.reserve/reserveSegments
}

// report logs when space begins and ceases to be short, and when what follows from that changes, once each.
func (g *guard) report(short, alone bool) {
	if short == g.warned && (!short || alone == g.warnedAlone) {
		return
	}
	g.warned, g.warnedAlone = short, alone
	switch {
	case !short:
		g.to.Infof("the disk with data folder %q has space again (%s free)", g.dir, humanize.IBytes(g.free))
	case alone:
		g.to.Errorf("the disk with data folder %q is nearly full (%s free, reserve %s): etcd refuses new registrations (NOSPACE) "+
			"until there is space; registered instances stay, and DNS keeps answering for them. Free space there, or enlarge the file system",
			g.dir, humanize.IBytes(g.free), humanize.IBytes(g.reserve))
	default:
		g.to.Errorf("the disk with data folder %q is nearly full (%s free, reserve %s): when it is full, this member of the cluster "+
			"fails, and the others continue. Free space there, or enlarge the file system",
			g.dir, humanize.IBytes(g.free), humanize.IBytes(g.reserve))
	}
}
