package doctor_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/cluster"
	"github.com/rosterdns/roster/cmd/registrar/internal/dnsserver"
	"github.com/rosterdns/roster/cmd/registrar/internal/doctor"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/internal/mirror"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("connection refused")

// text returns findings as lines.
func text(findings ...doctor.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

// says fails unless these are the findings.
func says(t *testing.T, name, want string, findings ...doctor.Finding) {
	t.Helper()
	if got := text(findings...); got != want {
		t.Errorf("%s:\n%swant\n%s", name, got, want)
	}
}

// healthy returns a member that answers.
func healthy(endpoint string, change func(*cluster.Member)) cluster.Member {
	m := cluster.Member{Endpoint: endpoint, Version: "3.7.3", HasLeader: true, Size: 1 << 20, Quota: 1 << 30}
	if change != nil {
		change(&m)
	}
	return m
}

func TestEtcd(t *testing.T) {
	t.Parallel()
	leader := healthy("http://a", func(m *cluster.Member) { m.Leader = true })
	silent := cluster.Member{Endpoint: "http://b", Err: errAway}
	const leads = "ok    etcd http://a answers: version 3.7.3, leader\n"
	const start = "warn  etcd http://b: connection refused — start the member, or remove it from --endpoints\n"
	for _, tt := range []struct {
		name    string
		members []cluster.Member
		listErr error
		want    string
	}{
		{"healthy", []cluster.Member{leader, healthy("http://b", nil)}, nil, leads + "ok    etcd http://b answers: version 3.7.3, follower\n"},
		{"one is away", []cluster.Member{leader, silent}, nil, leads + start},
		{"all are away", []cluster.Member{silent}, errAway, start + "fail  etcd: no member answers — check that etcd is running, and --endpoints, --cacert, --cert and --key\n"},
		{"no leader", []cluster.Member{healthy("http://a", func(m *cluster.Member) { m.HasLeader = false })}, nil, "ok    etcd http://a answers: version 3.7.3, no leader\n" +
			"fail  etcd has no leader: it takes no writes — check that most of its members run and reach each other\n"},
		{"others", []cluster.Member{leader, {Endpoint: "http://x", Unlisted: true}}, nil, leads +
			"warn  etcd: 1 of 2 members are not among the endpoints: nobody goes on with them when the others fail — name all members in --endpoints, and in endpoint of each Corefile\n"},
		{"no list", []cluster.Member{leader}, errAway, leads + "warn  etcd: whether there are other members is not known: connection refused\n"},
		{"learner", []cluster.Member{leader, healthy("http://l", func(m *cluster.Member) { m.Learner = true })}, nil, leads +
			"warn  etcd http://l is a learner: it refuses most requests — promote it (etcdctl member promote), or remove it from --endpoints\n"},
		{"no space", []cluster.Member{healthy("http://a", func(m *cluster.Member) { m.Leader, m.Faults = true, []string{"memberID:7 alarm:NOSPACE "} })}, nil, leads +
			"fail  etcd http://a has no space left: it takes no writes — free space (etcdctl compact, then defrag) or raise --quota-backend-bytes, then run: etcdctl alarm disarm\n"},
		{"corrupt", []cluster.Member{healthy("http://a", func(m *cluster.Member) { m.Leader, m.Faults = true, []string{"alarm:CORRUPT"} })}, nil, leads +
			"fail  etcd http://a says: alarm:CORRUPT — see etcd's log\n"},
		{"nearly full", []cluster.Member{healthy("http://a", func(m *cluster.Member) { m.Leader, m.Size = true, 900<<20 })}, nil, leads +
			"warn  etcd http://a uses 88 % of its quota of space — compact and defrag it, or raise --quota-backend-bytes\n"},
		{"no quota known", []cluster.Member{healthy("http://a", func(m *cluster.Member) { m.Leader, m.Size, m.Quota = true, 900<<20, 0 })}, nil, leads},
		{
			"old",
			[]cluster.Member{healthy("http://a", func(m *cluster.Member) { m.Version = "3.3.27" })},
			nil,
			"fail  etcd http://a has version 3.3.27, which is not supported — upgrade etcd to 3.4 or later\n",
		},
		{"oldest", []cluster.Member{healthy("http://a", func(m *cluster.Member) { m.Version = "3.4.0" })}, nil, "ok    etcd http://a answers: version 3.4.0, follower\n"},
		{"next", []cluster.Member{healthy("http://a", func(m *cluster.Member) { m.Version = "4.0.0-rc.1" })}, nil, "ok    etcd http://a answers: version 4.0.0-rc.1, follower\n"},
		{"upgrade", []cluster.Member{leader, healthy("http://b", func(m *cluster.Member) { m.Version = "3.6.0" })}, nil, leads +
			"ok    etcd http://b answers: version 3.6.0, follower\nwarn  etcd: members have 2 versions — end the upgrade\n"},
	} {
		says(t, tt.name, tt.want, doctor.Etcd(tt.members, tt.listErr)...)
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	denied := rpctypes.ErrPermissionDenied
	for _, tt := range []struct {
		rights cluster.Rights
		want   string
	}{
		{cluster.Rights{}, "ok    etcd has no users: who reaches it may read and write below \"/roster/\"\n"},
		{cluster.Rights{Authentication: true}, "ok    the user may read and write below \"/roster/\"\n"},
		{cluster.Rights{Authentication: true, Write: denied}, "warn  the user may read below \"/roster/\", but not write — registrars need a user with readwrite; DNS servers don't\n"},
		{cluster.Rights{Authentication: true, Read: denied, Write: denied}, "fail  the user may not read below \"/roster/\": etcdserver: permission denied — grant the user read on that prefix, or give -n a namespace that it may read\n"},
		{cluster.Rights{Read: errAway}, "fail  \"/roster/\" can't be read: connection refused — check etcd's members\n"},
		{cluster.Rights{Write: rpctypes.ErrNoSpace}, "fail  \"/roster/\" can't be written: etcdserver: mvcc: database space exceeded — see what etcd's members say\n"},
	} {
		says(t, tt.want, tt.want, doctor.Access(tt.rights, "/roster/"))
	}
}

func TestSkew(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 11, 30, 12, 0, 0, 500e6, time.UTC)
	received := sent.Add(100 * time.Millisecond)
	for _, tt := range []struct {
		date time.Time // in whole seconds
		want time.Duration
	}{
		{sent.Truncate(time.Second), 0},
		{sent.Truncate(time.Second).Add(time.Second), 400 * time.Millisecond},
		{sent.Truncate(time.Second).Add(time.Minute), time.Minute - 600*time.Millisecond},
		{sent.Truncate(time.Second).Add(-time.Second), -500 * time.Millisecond},
		{sent.Truncate(time.Second).Add(-time.Hour), -time.Hour + 500*time.Millisecond},
	} {
		if got := doctor.Skew(tt.date, sent, received); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.date, got, tt.want)
		}
	}
}

func TestSkewOf(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ahead":
			w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		case "/none":
			w.Header()["Date"] = nil
		}
	}))
	defer server.Close()
	defer server.Client().CloseIdleConnections()
	if skew, err := doctor.SkewOf(t.Context(), server.Client(), server.URL+"/ahead"); err != nil || skew < 30*time.Minute {
		t.Errorf("an hour ahead: %v, %v", skew, err)
	}
	if _, err := doctor.SkewOf(t.Context(), server.Client(), server.URL+"/none"); err == nil || !strings.Contains(err.Error(), "no date") {
		t.Errorf("without a date: %v", err)
	}
	server.Close()
	if _, err := doctor.SkewOf(t.Context(), server.Client(), server.URL); err == nil {
		t.Error("of a server that has ended there is no error")
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		skew time.Duration
		err  error
		want string
	}{
		{400 * time.Millisecond, nil, "ok    clock of etcd http://a agrees with this machine's\n"},
		{-7 * time.Second, nil, "warn  clock of etcd http://a is 7s behind this machine's — set both clocks by NTP\n"},
		{time.Hour, nil, "fail  clock of etcd http://a is 1h0m0s ahead of this machine's: certificates and signatures fail — set both clocks by NTP\n"},
		{0, errAway, "warn  clock of etcd http://a is not known: connection refused — compare it yourself\n"},
	} {
		says(t, tt.want, tt.want, doctor.Clock("http://a", tt.skew, tt.err))
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	took := func(fast, slow time.Duration) []time.Duration {
		list := []time.Duration{slow, slow, slow}
		for range 17 {
			list = append(list, fast)
		}
		return list
	}
	const ms = time.Millisecond
	for _, tt := range []struct {
		took []time.Duration
		ttl  time.Duration
		want string
	}{
		{took(1234*time.Microsecond, 20*ms), 15 * time.Second, "ok    requests to etcd: median 1.23ms, 90% 20ms, slowest 20ms (leases: 15s)\n"},
		{[]time.Duration{ms, ms, ms, ms, ms, ms, ms, ms, ms, ms, time.Minute}, 15 * time.Second, "ok    requests to etcd: median 1ms, 90% 1ms, slowest 1m0s (leases: 15s)\n"},
		{took(ms, time.Second), 15 * time.Second, "warn  requests to etcd: median 1ms, 90% 1s, slowest 1s (leases: 15s): the first answers of the library are errors — find out what slows etcd down: its disk, or the network\n"},
		{took(ms, time.Second), 3 * time.Second, "fail  requests to etcd: median 1ms, 90% 1s, slowest 1s (leases: 3s): leases can run out before they are renewed — find out what slows etcd down (its disk, the network), or raise --lease\n"},
		{[]time.Duration{ms}, 15 * time.Second, "ok    requests to etcd: median 1ms, 90% 1ms, slowest 1ms (leases: 15s)\n"},
	} {
		says(t, tt.want, tt.want, doctor.Latency(tt.took, tt.ttl))
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	key := func(name, value string) mirror.Event {
		return mirror.Event{Key: name, Value: []byte(value), ModRevision: 5, Lease: 7}
	}
	unleased := key("default/orders/unleased", `{"addresses":["10.0.0.8"]}`)
	unleased.Lease = 0
	r := inspect.New([]mirror.Event{
		key("default/orders/_policy", `{`),
		key("default/orders/_status/a", `{status:"down"}`),
		key("default/orders/_status/gone", `{"status":"draining","reason":"disk broken"}`),
		key("default/orders/a", `{"addresses":["10.0.0.7"]}`),
		key("default/orders/broken", `{"addresses":["10.0.0.7"],"weight":-1}`),
		unleased,
		key("it's/wrong", ``),
	}, 9)
	got := text(doctor.Registry(r, "/roster")...)
	for _, want := range []string{
		"ok    the registry has 1 service with 1 instance\n",
		`warn  key "/roster/default/orders/_policy" is skipped: counts as absent: `,
		" — remove it: registrar policy delete default/orders\n",
		`warn  key "/roster/default/orders/_status/a" is skipped: counts as down: `,
		" — write it anew or remove it: registrar drain default/orders/a, or registrar undrain default/orders/a\n",
		`warn  key "/roster/default/orders/broken" is skipped: `,
		" — register it anew, or remove it: registrar unregister default/orders/broken\n",
		`warn  key "/roster/default/orders/unleased" is skipped: has no lease and is not static, so nothing would remove it — register it with --static, or remove it: registrar unregister default/orders/unleased` + "\n",
		`warn  key "/roster/it's/wrong" is skipped: `,
		` — delete it: etcdctl del '/roster/it'\''s/wrong'` + "\n",
		"warn  override draining is left over: instance default/orders/gone is not there, and will be draining when it comes: disk broken — registrar undrain default/orders/gone\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it says\n%swant in it\n%s", got, want)
		}
	}
	if n := strings.Count(got, "\n"); n != 7 {
		t.Errorf("%d lines, want 7:\n%s", n, got)
	}
	says(t, "empty", "warn  there is no service below \"/roster\" — check --prefix and -n, or register an instance\n", doctor.Registry(inspect.New(nil, 1), "/roster")...)
}

// TestManyFaults shows that a flood of one kind leaves the others to be seen.
func TestManyFaults(t *testing.T) {
	t.Parallel()
	var keys []mirror.Event
	for i := range 50 {
		keys = append(keys, mirror.Event{Key: "default/orders/" + string(rune('a'+i%26)) + string(rune('a'+i/26)), Value: []byte("{}"), Lease: 7})
	}
	findings := doctor.Registry(inspect.New(keys, 9), "/roster")
	if last := findings[len(findings)-1].String(); len(findings) != 22 || last != "warn  30 more keys that readers skip — see all by: registrar status" {
		t.Errorf("%d findings, the last one %q", len(findings), last)
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	registry := inspect.New([]mirror.Event{{Key: "default/orders/a", Value: []byte(`{"addresses":["10.0.0.7"]}`), ModRevision: 7, Lease: 7}}, 9)
	for _, tt := range []struct {
		status   dnsserver.Status
		err      error
		registry *inspect.Registry
		want     string
	}{
		{dnsserver.Status{State: "live", Revision: 7}, nil, registry, "ok    DNS server d:53 is live at revision 7, with all changes\n"},
		{dnsserver.Status{State: "live", Revision: 6}, nil, registry, "fail  DNS server d:53 is at revision 6, the last change at 7 — see its log, and whether it reaches etcd\n"},
		{dnsserver.Status{State: "live", Revision: 10}, nil, registry, "fail  DNS server d:53 is at revision 10, etcd at 9 — check --endpoints: it reads another etcd\n"},
		{dnsserver.Status{State: "live", Revision: 6}, nil, nil, "ok    DNS server d:53 is live at revision 6\n"},
		{dnsserver.Status{State: "stale", Revision: 7, Age: time.Minute}, nil, registry, "fail  DNS server d:53 is stale: it has had no contact with etcd for 60 s (state stale) — see its log, and whether it reaches etcd\n"},
		{dnsserver.Status{}, errAway, registry, "fail  DNS server d:53: connection refused — check that roster runs there for the zone z, or name another server with --server\n"},
	} {
		says(t, tt.want, tt.want, doctor.Server("d:53", "z", tt.status, tt.err, tt.registry))
	}
}

func TestCompared(t *testing.T) {
	t.Parallel()
	says(t, "all", "ok    DNS server d:53 answers all services (3) as etcd has them\n", doctor.Compared("d:53", 3, 3, nil)...)
	says(t, "one", "ok    DNS server d:53 answers all services (1) as etcd has them\n", doctor.Compared("d:53", 1, 1, nil)...)
	says(t, "some", "ok    DNS server d:53 answers 3 of 7 services as etcd has them; the others were not asked for\n", doctor.Compared("d:53", 3, 7, nil)...)
	says(t, "one differs", "fail  DNS server d:53 differs from etcd in default/orders — see how: registrar resolve default/orders --server d:53\n",
		doctor.Compared("d:53", 3, 7, []catalog.ServiceName{{Namespace: "default", Name: "orders"}})...)
}
