package mirror_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/test/harness"
)

const root = "/roster/"

// view is a mirror.View that remembers.
type view struct {
	mu       sync.Mutex
	keys     map[string]string
	revision int64
}

func (v *view) Stage() mirror.Stage { return &stage{v: v} }

type stage struct {
	v      *view
	events []mirror.Event
}

func (s *stage) Apply(events []mirror.Event) {
	for _, ev := range events {
		ev.Value = bytes.Clone(ev.Value)
		s.events = append(s.events, ev)
	}
}

func (s *stage) Commit(c mirror.Commit) {
	s.v.mu.Lock()
	defer s.v.mu.Unlock()
	for _, ev := range s.events {
		if ev.Deleted {
			delete(s.v.keys, ev.Key)
		} else {
			s.v.keys[ev.Key] = string(ev.Value)
		}
	}
	s.v.revision = c.Revision
}

func (v *view) get(key string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.keys[key]
}

// observer counts what a mirror has listed, and why it has failed.
type observer struct {
	mirror.Unobserved
	mu     sync.Mutex
	lists  int
	failed []mirror.Reason
	states []string
}

func (o *observer) Listed(mirror.Reason, int, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lists++
}

func (o *observer) Failed(reason mirror.Reason, _ error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = append(o.failed, reason)
}

func (o *observer) StateChanged(s mirror.Status) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.states = append(o.states, s.State.String())
}

// seen returns how many lists were complete, the failures and the states.
func (o *observer) seen() (lists int, failed []mirror.Reason, states []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lists, slices.Clone(o.failed), slices.Clone(o.states)
}

// log is a bytes.Buffer for several goroutines.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

type running struct {
	*mirror.Mirror
	view *view
	obs  *observer
	log  *log
}

// run runs a mirror until the test is over.
func run(t *testing.T, cfg etcdclient.Config) running {
	t.Helper()
	conn, err := etcdclient.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := running{view: &view{keys: map[string]string{}}, obs: &observer{}, log: &log{}}
	r.Mirror = mirror.New(mirror.Config{
		Source: mirror.NewEtcd(conn), Root: root, Observer: r.obs, Log: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r running) listed(t *testing.T, rng string) *mirror.Range {
	t.Helper()
	followed := r.Follow(rng, r.view)
	select {
	case <-followed.Listed():
	case <-time.After(harness.Patience):
		t.Fatalf("%s is not listed: %+v; log:\n%s", rng, followed.Status(), r.log)
	}
	return followed
}

func put(t *testing.T, e *harness.Etcd, key, value string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if _, err := e.Client().Put(ctx, root+key, value); err != nil {
		t.Fatal(err)
	}
}

func (r running) wait(t *testing.T, key, value string) {
	t.Helper()
	harness.Eventually(t, harness.Patience, key, func() error {
		if got := r.view.get(key); got != value {
			return fmt.Errorf("%s is %q, want %q", key, got, value)
		}
		return nil
	})
}

// TestRanges follows ranges of each kind, which are added while others are
// watched, through a restart of etcd. Progress comes for all of them.
func TestRanges(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	r := run(t, etcdclient.Config{Endpoints: e.Endpoints})
	names := []string{"a/", "b/s/", "c/s/i"}
	ranges := make([]*mirror.Range, 0, len(names))
	for _, rng := range names {
		ranges = append(ranges, r.listed(t, rng))
	}
	for round, value := range []string{"1", "2"} {
		for _, key := range []string{"a/s/i", "b/s/i", "c/s/i", "d/not/followed"} {
			put(t, e, key, value)
		}
		for _, key := range []string{"a/s/i", "b/s/i", "c/s/i"} {
			r.wait(t, key, value)
		}
		put(t, e, "elsewhere", value)
		head, err := e.Client().Get(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, harness.Patience, "progress", func() error {
			for _, one := range ranges {
				if s := one.Status(); s.Revision < head.Header.Revision || s.State != mirror.Live {
					return fmt.Errorf("%+v, want revision %d", s, head.Header.Revision)
				}
			}
			return harness.True(r.Status().Revision >= head.Header.Revision)
		})
		if round == 0 {
			e.Kill(t)
			e.Restart(t)
		}
	}
	if r.view.get("d/not/followed") != "" {
		t.Error("a key that is in no range")
	}
}

// TestProgressOnce counts, by etcd's own metric, what a client that reads 60
// ranges sends on its stream.
func TestProgressOnce(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	r := run(t, etcdclient.Config{Endpoints: e.Endpoints})
	const ranges = 60
	for i := range ranges {
		r.listed(t, fmt.Sprintf("n/s%d/", i))
	}
	sent := func() float64 {
		return harness.ScrapeMetrics(t, e.Endpoints[0]+"/metrics").Sum("grpc_server_msg_received_total", "grpc_service", "etcdserverpb.Watch")
	}
	harness.Eventually(t, harness.Patience, "watches", func() error { return harness.True(sent() >= ranges) })
	start, before := time.Now(), sent()
	for i := range 3 { // each is shown by progress alone
		put(t, e, "elsewhere", fmt.Sprint(i))
		head, err := e.Client().Get(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, harness.Patience, "progress", func() error { return harness.True(r.Status().Revision >= head.Header.Revision) })
	}
	got := sent() - before
	if most := time.Since(start).Seconds()/2 + 1; got > most || got < 3 {
		t.Errorf("%v requests in %v, want one in two seconds", got, time.Since(start))
	}
}

// TestTokenRunsOut adds a range when the stream's token is no longer valid: all
// go on without a list.
func TestTokenRunsOut(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{Auth: true, Args: []string{"--auth-token-ttl=1"}})
	r := run(t, etcdclient.Config{Endpoints: e.Endpoints, Username: harness.Reader.Name, Password: harness.Reader.Password})
	r.listed(t, "a/")
	r.listed(t, "b/")
	put(t, e, "a/s/i", "1")
	r.wait(t, "a/s/i", "1")
	waitForExpiry(t, e)
	r.listed(t, "c/")
	put(t, e, "a/s/i", "2")
	put(t, e, "b/s/i", "2")
	put(t, e, "c/s/i", "2")
	for _, key := range []string{"a/s/i", "b/s/i", "c/s/i"} {
		r.wait(t, key, "2")
	}
	lists, failed, _ := r.obs.seen()
	if lists != 3 || !slices.Equal(failed, []mirror.Reason{mirror.ReasonAuth}) {
		t.Errorf("%d lists, failed for %v, want 3, and one for the token", lists, failed)
	}
	for _, s := range r.Ranges() {
		if s.Err != nil || s.State != mirror.Live {
			t.Errorf("%+v, want it live", s)
		}
	}
	if strings.Contains(r.log.String(), "denie") {
		t.Errorf("logged %s", r.log)
	}
}

// waitForExpiry waits until etcd refuses watches on a stream that was opened now.
func waitForExpiry(t *testing.T, e *harness.Etcd) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	stream, err := pb.NewWatchClient(e.Client().ActiveConnection()).Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	create := &pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{Key: []byte("x")}}}
	// Each use gives a token its life again: it is left alone for longer than that.
	tick := time.NewTicker(3 * time.Second)
	defer tick.Stop()
	for range tick.C {
		if err := stream.Send(create); err != nil {
			t.Fatal(err)
		}
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(resp.CancelReason, rpctypes.ErrorDesc(rpctypes.ErrGRPCInvalidAuthToken)) {
			return
		}
	}
}

// TestDenied is a range that the user may not read, beside one that it may.
func TestDenied(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{Auth: true})
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	c := e.Client()
	end := clientv3.GetPrefixRangeEnd(root + "a/")
	_, err := c.RoleAdd(ctx, "a")
	_, err1 := c.RoleGrantPermission(ctx, "a", root+"a/", end, clientv3.PermissionType(clientv3.PermRead))
	_, err2 := c.UserAdd(ctx, "ann", "secret")
	_, err3 := c.UserGrantRole(ctx, "ann", "a")
	if err := errors.Join(err, err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	r := run(t, etcdclient.Config{Endpoints: e.Endpoints, Username: "ann", Password: "secret"})
	r.listed(t, "a/")
	b := r.Follow("b/", r.view)
	harness.Eventually(t, harness.Patience, "b is refused", func() error {
		return harness.True(errors.Is(b.Status().Err, rpctypes.ErrPermissionDenied))
	})
	put(t, e, "a/s/i", "1")
	r.wait(t, "a/s/i", "1")
	if s := r.Status(); s.State != mirror.Live || s.Err != nil {
		t.Errorf("%+v, want it live", s)
	}
	// etcd ends the tokens of all users with this.
	if _, err := c.RoleGrantPermission(ctx, "a", root+"b/", clientv3.GetPrefixRangeEnd(root+"b/"), clientv3.PermissionType(clientv3.PermRead)); err != nil {
		t.Fatal(err)
	}
	put(t, e, "b/s/i", "1")
	r.wait(t, "b/s/i", "1")
	put(t, e, "a/s/i", "2")
	r.wait(t, "a/s/i", "2")
}

// TestLearner has a learner first among the endpoints: it serves neither lists
// nor streams, which go to the voter, without lists again and again.
func TestLearner(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	put(t, e, "a/s/i", "1")
	endpoint := startLearner(t, e)
	r := run(t, etcdclient.Config{Endpoints: []string{endpoint, e.Endpoints[0]}})
	r.listed(t, "a/")
	for i := range 5 {
		value := fmt.Sprint(i)
		put(t, e, "a/s/i", value)
		r.wait(t, "a/s/i", value)
		put(t, e, "elsewhere", value)
		head, err := e.Client().Get(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, harness.Patience, "progress", func() error { return harness.True(r.Status().Revision >= head.Header.Revision) })
		rng := r.listed(t, fmt.Sprintf("n/s%d/", i))
		r.Unfollow(rng, false)
	}
	// The observer hears of a list right after those that wait for it.
	harness.Eventually(t, harness.Patience, "six lists", func() error {
		lists, _, _ := r.obs.seen()
		return harness.True(lists >= 6)
	})
	lists, failed, states := r.obs.seen()
	if lists != 6 || !slices.Equal(states, []string{"live"}) {
		t.Errorf("%d lists, states %v, failed for %v, want 6 lists, and live; log:\n%s", lists, states, failed, r.log)
	}
	if n := strings.Count(r.log.String(), "is it a learner?"); n > 1 {
		t.Errorf("the learner was logged %d times:\n%s", n, r.log)
	}
}

// startLearner adds a learner to a cluster of one, and returns its endpoint.
func startLearner(t *testing.T, e *harness.Etcd) (endpoint string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	peer, endpoint := "http://"+harness.FreeAddr(t), "http://"+harness.FreeAddr(t)
	added, err := e.Client().MemberAddAsLearner(ctx, []string{peer})
	if err != nil {
		t.Fatal(err)
	}
	cluster := "learner=" + peer
	for _, m := range added.Members {
		if m.Name != "" {
			cluster += "," + m.Name + "=" + m.PeerURLs[0]
		}
	}
	harness.Start(t, harness.Command{Name: "learner", Path: harness.Binary(t, "etcd"), Args: []string{
		"--name=learner", "--data-dir=" + filepath.Join(t.TempDir(), "data"),
		"--listen-client-urls=" + endpoint, "--advertise-client-urls=" + endpoint,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=" + cluster, "--initial-cluster-state=existing", "--log-level=warn",
	}})
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	harness.Eventually(t, harness.Patience, "the learner serves", func() error {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := client.Get(attempt, "x", clientv3.WithSerializable())
		return err
	})
	return endpoint
}
