package importing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/export"
	"github.com/rosterdns/roster/cmd/registrar/internal/importing"
	"github.com/rosterdns/roster/internal/memkv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store is an etcd in memory. before is called ahead of each transaction, and lost after
// each: if it reports true, the transaction is made once more, as after a lost answer.
type store struct {
	*memkv.Store
	before func(r *pb.TxnRequest)
	lost   func() bool
	txns   []*pb.TxnRequest
	err    error
}

func newStore() *store { return &store{Store: memkv.New()} }

func (s *store) ReadKeys(ctx context.Context, ranges ...string) (keys []*mvccpb.KeyValue, revision int64, err error) {
	for _, rng := range ranges {
		head, err := s.List(ctx, rng, 0, func(page []*mvccpb.KeyValue) error {
			keys = append(keys, page...)
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
		revision = head.Revision
	}
	return keys, revision, s.err
}

func (s *store) ChangeKeys(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	if s.before != nil {
		s.before(r)
	}
	s.txns = append(s.txns, r)
	resp, err := s.Txn(ctx, r)
	if s.lost != nil && s.lost() {
		resp, err = s.Txn(ctx, r)
	}
	return resp, err
}

const prefix = "/roster"

func read(t *testing.T, text string) []*export.Service {
	t.Helper()
	services, err := importing.Read("file", []byte(text), "default")
	if err != nil {
		t.Fatal(err)
	}
	return services
}

// run imports a text.
func run(t *testing.T, s *store, text string, options importing.Options) (importing.Result, error) {
	t.Helper()
	options.Prefix = prefix
	plan, err := importing.Prepare(t.Context(), s, read(t, text), options)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Apply(t.Context(), s)
}

// contents returns the keys with their values.
func (s *store) contents() string {
	var lines []string
	for _, kv := range s.Keys() {
		lines = append(lines, fmt.Sprintf("%s %s", kv.Key, kv.Value))
	}
	return strings.Join(lines, "\n")
}

const two = `[{"name":"a","policy":{"ttl":5},"instances":[{"id":"x","host":"x.example.com","static":true},{"id":"y","host":"y.example.com","static":true}]}]`

// TestConcurrentChange shows that what others write after import has read is left to them,
// whatever they do with the key, and that all else is written.
func TestConcurrentChange(t *testing.T) {
	t.Parallel()
	const key = "/roster/default/a/y"
	for name, c := range map[string]struct {
		change func(s *store)
		want   string
	}{
		"put":    {func(s *store) { s.Put(key, "theirs", 0) }, key + " theirs"},
		"delete": {func(s *store) { s.Delete(key) }, ""},
		"leased": {func(s *store) {
			id, _, _ := s.Grant(t.Context(), time.Hour)
			s.Put(key, `{"host":"y.example.com","weight":100,"priority":0,"status":"up","static":true}`, id)
		}, `"static":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore()
			s.Put(key, `{"host":"old.example.com","static":true}`, 0)
			first := true
			s.before = func(*pb.TxnRequest) {
				if first {
					first = false
					c.change(s)
				}
			}
			r, err := run(t, s, two, importing.Options{})
			if !errors.Is(err, importing.ErrOvertaken) || !strings.Contains(err.Error(), "1 of 3 changes were not made") || !strings.Contains(err.Error(), ": instance default/a/y: ") {
				t.Errorf("error %v", err)
			}
			if r != (importing.Result{Created: 2}) {
				t.Errorf("did %+v", r)
			}
			if kv := s.Get(key); kv == nil && c.want != "" || kv != nil && !strings.HasSuffix(key+" "+string(kv.Value), c.want) {
				t.Errorf("%s is %v, want %q", key, kv, c.want)
			}
		})
	}
}

// TestLostAnswer shows that a transaction that etcd has made, though its answer was lost,
// counts as made.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s := newStore()
	s.Put("/roster/default/a/z", `{"host":"z.example.com","static":true}`, 0)
	s.lost = func() bool { return true }
	r, err := run(t, s, two, importing.Options{Prune: true})
	if err != nil || r != (importing.Result{Created: 3, Deleted: 1}) {
		t.Errorf("did %+v, error %v", r, err)
	}
	if s.Len() != 3 {
		t.Errorf("there is\n%s", s.contents())
	}
}

// TestPruneIsUnregister shows that removed instances are down first, and that one which
// was changed in between stays.
func TestPruneIsUnregister(t *testing.T) {
	t.Parallel()
	s := newStore()
	for _, id := range []string{"x", "y", "down"} {
		status := "up"
		if id == "down" {
			status = "down"
		}
		s.Put("/roster/default/a/"+id, `{"host":"x.example.com","static":true,"status":"`+status+`"}`, 0)
	}
	s.Put("/roster/default/a/broken", `{`, 0)
	s.Put("/roster/default/a/unleased", `{"host":"x.example.com"}`, 0)
	s.Put("/roster/default/b/other", `{"host":"x.example.com","static":true}`, 0)
	changed := false
	s.before = func(r *pb.TxnRequest) {
		if r.Success[0].GetRequestDeleteRange() == nil || changed {
			return
		}
		changed = true
		for _, id := range []string{"x", "y"} {
			if kv := s.Get("/roster/default/a/" + id); !strings.Contains(string(kv.Value), `"down"`) {
				t.Errorf("%s is removed as %s", id, kv.Value)
			}
		}
		s.Put("/roster/default/a/y", `{"host":"new.example.com","static":true}`, 0)
	}
	r, err := run(t, s, `{"name":"a"}`, importing.Options{Prune: true})
	if !errors.Is(err, importing.ErrOvertaken) || r != (importing.Result{Deleted: 2}) {
		t.Errorf("did %+v, error %v", r, err)
	}
	var left []string
	for _, kv := range s.Keys() {
		left = append(left, strings.TrimPrefix(string(kv.Key), "/roster/default/"))
	}
	if !slices.Equal(left, []string{"a/broken", "a/unleased", "a/y", "b/other"}) {
		t.Errorf("left are %q", left)
	}
	s.before = nil
	if _, err := run(t, s, `{"name":"a"}`, importing.Options{PruneNamespaces: true}); err != nil || s.Get("/roster/default/b/other") != nil {
		t.Errorf("error %v; there is\n%s", err, s.contents())
	}
}

// TestOrder shows that nothing is served that the file takes out of service.
func TestOrder(t *testing.T) {
	t.Parallel()
	s := newStore()
	plan, err := importing.Prepare(t.Context(), s, read(t, `[
		{"name":"a","instances":[{"id":"x","host":"x.example.com","static":true}],"overrides":{"x":{"status":"down"}}},
		{"name":"b","policy":{"alias":"default/c"}},{"name":"c","policy":{"ttl":1}},
		{"name":"d","instances":[{"id":"x","host":"x.example.com","static":true}],"overrides":{"x":{"status":"down"}}}]`), importing.Options{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range plan.Changes {
		got = append(got, c.Kind()+" "+c.Name())
	}
	want := []string{"override default/a/x", "override default/d/x", "policy default/b", "policy default/c", "instance default/a/x", "instance default/d/x"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAliasFence shows that a policy isn't written if another one, on which it depends
// that its alias doesn't lead back, has changed.
func TestAliasFence(t *testing.T) {
	t.Parallel()
	const file = `{"name":"a","policy":{"alias":"default/b"}}`
	s := newStore()
	s.Put("/roster/default/b/_policy", `{"alias":"default/c"}`, 0)
	s.before = func(*pb.TxnRequest) { s.Put("/roster/default/c/_policy", `{"alias":"default/a"}`, 0) }
	if _, err := run(t, s, file, importing.Options{}); !errors.Is(err, importing.ErrOvertaken) || s.Get("/roster/default/a/_policy") != nil {
		t.Errorf("error %v; there is\n%s", err, s.contents())
	}
	if _, err := importing.Prepare(t.Context(), s, read(t, file), importing.Options{Prefix: prefix}); !errors.Is(err, catalog.ErrInvalid) {
		t.Errorf("error %v, want ErrInvalid", err)
	}
	for i := range 40 {
		s.Put(fmt.Sprintf("/roster/default/s%d/_policy", i), fmt.Sprintf(`{"alias":"default/s%d"}`, i+1), 0)
	}
	if _, err := importing.Prepare(t.Context(), s, read(t, `{"name":"a","policy":{"alias":"default/s0"}}`), importing.Options{Prefix: prefix}); err == nil || !strings.Contains(err.Error(), "more than 32 aliases") {
		t.Errorf("error %v", err)
	}
}

// TestBatches shows that transactions are as etcd takes them, and that an error says how
// far it came.
func TestBatches(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 200)
	var instances []map[string]any
	for i := range 500 {
		meta := map[string]string{}
		for k := range 19 {
			meta[fmt.Sprint(k)] = large
		}
		instances = append(instances, map[string]any{"id": fmt.Sprint("i", i), "host": "x.example.com", "static": true, "metadata": meta})
	}
	text, err := json.Marshal(map[string]any{"name": "a", "instances": instances})
	if err != nil {
		t.Fatal(err)
	}
	s := newStore()
	if r, err := run(t, s, string(text), importing.Options{}); err != nil || r.Created != 500 || s.Len() != 500 {
		t.Errorf("did %+v, error %v", r, err)
	}
	for _, r := range s.txns {
		if n := len(r.Success); n > 128 || len(r.Compare) > 128 || proto.Size(r) > 1_500_000 {
			t.Fatalf("a transaction has %d operations and %d bytes", n, proto.Size(r))
		}
	}
}

func TestStoreFails(t *testing.T) {
	t.Parallel()
	s := newStore()
	s.err = errors.New("no")
	if _, err := importing.Prepare(t.Context(), s, read(t, two), importing.Options{Prefix: prefix}); !errors.Is(err, s.err) {
		t.Errorf("error %v", err)
	}
	s.err = nil
	plan, err := importing.Prepare(t.Context(), s, read(t, two), importing.Options{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := plan.Apply(ctx, s); !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "after 0 of 3 changes: writing default/a and 2 more: ") {
		t.Errorf("error %v", err)
	}
}

func TestReadManyFaults(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("- nam: x\n", 12)
	_, err := importing.Read("file", []byte(text), "default")
	if !errors.Is(err, catalog.ErrInvalid) || !strings.Contains(err.Error(), "file:10: ") || strings.Contains(err.Error(), "file:11: ") || !strings.Contains(err.Error(), "and 2 more faults") {
		t.Errorf("error %v", err)
	}
}

// FuzzRead checks that what is read is valid.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		two, "- name: a\n  policy: {ttl: 1}\n", "{}\n{}", "[{\"name\":\"a\"},{\"name\":\"a\"}]", "name: a\noverrides: {x: {status: up}}", "name: a\ninstances: [{}, {}]", "", "a: *b", `{"name":"a","overrides":{"a]b":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		services, err := importing.Read("file", text, "default")
		if err != nil {
			if !errors.Is(err, catalog.ErrInvalid) || !strings.Contains(err.Error(), "file:") {
				t.Fatalf("error %v", err)
			}
			return
		}
		for _, s := range services {
			if _, err := s.Prepare("default"); err != nil {
				t.Fatalf("%+v: %v", s, err)
			}
		}
	})
}
