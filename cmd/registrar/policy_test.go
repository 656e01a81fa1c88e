package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	s := newShop()
	set := func(want string, args ...string) {
		t.Helper()
		if _, stderr := s.do(t, "", exitOK, append([]string{"policy", "set"}, args...)...); stderr != "registrar: "+want+"\n" {
			t.Errorf("policy set %s said %q, want %q", strings.Join(args, " "), stderr, want)
		}
	}
	set(`set the policy of default/orders to {"ttl":5,"max_answers":8,"min_up":1,"keep_last":60,"failover":["eu/orders","us/orders"],"alias":"default/orders-v2"}`,
		"orders", "--ttl", "5", "--max-answers", "8", "--min-up", "1", "--keep-last", "60", "--failover", "eu/orders,us/orders", "--alias", "default/orders-v2")
	set(`set the policy of default/orders to {"ttl":5,"min_up":2,"keep_last":0,"failover":["us/orders"]}`,
		"default/orders", "--min-up", "2", "--keep-last", "0", "--failover", "us/orders", "--unset", "alias", "--unset", "max_answers")
	set(`the policy of default/orders is {"ttl":5,"min_up":2,"keep_last":0,"failover":["us/orders"]} already`, "orders", "--min-up", "2")
	set(`the policy of prod/orders is {} already`, "orders", "-n", "prod", "--unset", "ttl,alias")
	s.do(t, "", exitNotFound, "policy", "get", "prod/orders")

	s.says(t, `NAMESPACE  SERVICE  TTL  MAX-ANSWERS  MIN-UP  KEEP-LAST  FAILOVER   ALIAS
default    orders   5    -            2       0          us/orders  -
`, "policy", "get", "orders")
	s.says(t, "default/orders\n", "policy", "get", "orders", "-o", "name")
	s.says(t, `{"ttl":5,"min_up":2,"keep_last":0,"failover":["us/orders"]}`+"\n", "policy", "get", "orders", "-o", "jsonl")
	s.says(t, "{\n  \"ttl\": 5,\n  \"min_up\": 2,\n  \"keep_last\": 0,\n  \"failover\": [\n    \"us/orders\"\n  ]\n}\n", "policy", "get", "orders", "-o", "json")
	s.says(t, "failover:\n- us/orders\nkeep_last: 0\nmin_up: 2\nttl: 5\n", "policy", "get", "orders", "-o", "yaml")

	set(`set the policy of default/orders to {}`, "orders", "--unset", "ttl,min-up,keep-last,failover")
	s.says(t, "NAMESPACE  SERVICE  TTL  MAX-ANSWERS  MIN-UP  KEEP-LAST  FAILOVER  ALIAS\ndefault    orders   -    -            -       -          -         -\n", "policy", "get", "orders", "-o", "wide")
	if _, stderr := s.do(t, "", exitOK, "policy", "delete", "orders"); stderr != "registrar: deleted the policy of default/orders\n" {
		t.Errorf("policy delete said %q", stderr)
	}
	for verb, hint := range map[string]string{
		"get":    ": readers use their defaults: to set one, run: registrar policy set default/orders --min-up 1",
		"delete": "",
	} {
		if stdout, stderr := s.do(t, "", exitNotFound, "policy", verb, "orders"); stdout != "" || !strings.HasSuffix(stderr, "the policy of default/orders: not found"+hint+"\n") {
			t.Errorf("policy %s of nothing wrote %q and said %q", verb, stdout, stderr)
		}
	}
}

func TestPolicyLoop(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.do(t, "", exitOK, "policy", "set", "a", "--alias", "default/b")
	s.do(t, "", exitOK, "policy", "set", "b", "--alias", "default/c")
	for _, tt := range []struct{ flag, target, says string }{
		{"--alias", "default/a", `alias "default/a" leads back to the service itself`},
		{"--alias", "default/c", `alias "default/c" is the service itself`},
		{"--failover", "eu/c,default/c", `failover[1] "default/c" is the service itself`},
	} {
		_, stderr := s.do(t, "", exitUsage, "policy", "set", "c", tt.flag, tt.target)
		if want := "registrar: setting the policy of default/c: " + tt.says + "\n"; stderr != want {
			t.Errorf("policy set c %s %s said %q, want %q", tt.flag, tt.target, stderr, want)
		}
	}
	// Failover is one step: two services can stand in for each other.
	s.do(t, "", exitOK, "policy", "set", "eu/orders", "--failover", "us/orders")
	s.do(t, "", exitOK, "policy", "set", "us/orders", "--failover", "eu/orders")
}

// policyErrors is a registry whose policies fail.
type policyErrors struct {
	fakeRegistry
	err error
}

func (p *policyErrors) open(ctx context.Context, opts ...registrar.Option) (*registrar.Client, error) {
	return registrar.NewClient(p), p.Init(ctx, opts...)
}

func (p *policyErrors) Policy(context.Context, catalog.ServiceName) (catalog.Policy, error) {
	return catalog.Policy{}, p.err
}

func (p *policyErrors) ChangePolicy(context.Context, catalog.ServiceName, func(*catalog.Policy)) (catalog.Policy, bool, error) {
	return catalog.Policy{}, false, p.err
}

func (p *policyErrors) DeletePolicy(context.Context, catalog.ServiceName) error { return p.err }

func TestPolicyExitCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want int
	}{
		{errors.New("the stored one can't be changed"), exitFailure},
		{registrar.ErrInvalid, exitUsage},
		{registrar.ErrNotFound, exitNotFound},
		{registrar.ErrUnavailable, exitUnavailable},
		{registrar.ErrPermission, exitPermission},
		{context.DeadlineExceeded, exitTimeout},
	} {
		for _, args := range [][]string{{"get", "orders"}, {"set", "orders", "--min-up", "1"}, {"delete", "orders"}} {
			b := newBench((&policyErrors{err: tt.err}).open)
			code, stdout, stderr := b.run(t, append([]string{"policy"}, args...)...)
			if code != tt.want || stdout != "" || !strings.Contains(stderr, "ting the policy of default/orders: "+plain(tt.err.Error())) {
				t.Errorf("policy %s with %v: exit code %d, want %d; it said %q", args[0], tt.err, code, tt.want, stderr)
			}
		}
	}
	if code, _, stderr := newBench((&fakeRegistry{}).open).run(t, "policy", "get", "orders"); code != exitUsage || !strings.Contains(stderr, `driver "fake" has no policies`) {
		t.Errorf("a driver without policies: exit code %d; it said %q", code, stderr)
	}
}
