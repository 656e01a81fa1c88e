package member

import (
	"context"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// nospace implements alarms.
func (s *server) nospace() (some, own bool) {
	for _, alarm := range s.etcd.Server.Alarms() {
		if alarm.Alarm == pb.AlarmType_NOSPACE {
			some = true
			own = own || alarm.MemberID == uint64(s.etcd.Server.MemberID())
		}
	}
	return some, own
}

// alarm implements alarms. Calling the server itself needs no user and no password.
func (s *server) alarm(ctx context.Context, raise bool) error {
	action := pb.AlarmRequest_DEACTIVATE
	if raise {
		action = pb.AlarmRequest_ACTIVATE
	}
	_, err := s.etcd.Server.Alarm(ctx, &pb.AlarmRequest{
		Action: action, Alarm: pb.AlarmType_NOSPACE, MemberID: uint64(s.etcd.Server.MemberID()),
	})
	return err
}

// overQuota implements alarms. etcd raises the alarm for the write that would go over its quota, which is 1.5 MiB at most:
// a tenth below it there is certainly another reason.
func (s *server) overQuota() bool {
	return s.etcd.Server.Backend().Size() > quotaBytes/10*9
}

// starved implements alarms.
func (s *server) starved() bool { return s.log.starved.Load() }

// alone implements alarms.
func (s *server) alone() bool {
	voting := 0
	for _, member := range s.etcd.Server.Cluster().Members() {
		if !member.IsLearner {
			voting++
		}
	}
	return voting == 1
}
