package services

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rosterdns/roster/internal/mirror"
)

func names(services func(func(*Service) bool)) (out []string) {
	for s := range services {
		out = append(out, s.Namespace+"/"+s.Name)
	}
	return out
}

// TestOrder has names with '-', which sorts before the '/' of keys.
func TestOrder(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	want := []string{"a/x", "a/x-y", "a/x0", "a/xy", "a-b/x", "a0/x", "ab/w", "b/a"}
	var events []mirror.Event
	for i, name := range slices.Backward(want) {
		events = append(events, put(int64(10-i), name+"/i", value(1, "")))
	}
	events = append(events, put(20, "c/only/_status/i", `{"status":"down"}`), put(21, "a/w/_status/i", `{"status":"down"}`))
	apply(s, batch(events...))
	g := s.Load()
	if got := names(g.All()); !slices.Equal(got, want) {
		t.Errorf("All yields %v, want %v", got, want)
	}
	for _, tt := range []struct {
		namespace string
		want      []string
	}{
		{"a", want[:4]},
		{"a-b", want[4:5]},
		{"ab", want[6:7]},
		{"c", nil},
		{"", nil},
		{"a/x", nil},
		{"none", nil},
	} {
		if got := names(g.Namespace(tt.namespace)); !slices.Equal(got, tt.want) {
			t.Errorf("Namespace(%q) yields %v, want %v", tt.namespace, got, tt.want)
		}
		if got := g.HasNamespace(tt.namespace); got != (len(tt.want) > 0) {
			t.Errorf("HasNamespace(%q) is %v", tt.namespace, got)
		}
	}
	n := 0
	for range g.All() {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("stopped after %d services, want 3", n)
	}
}

func TestServiceThatIsNotThere(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	g := s.Load()
	if g.Service("n", "s") != nil || g.HasNamespace("n") || g.Revision() != 0 || g.Serial() != 1 || g.FullSerial() != 0 || g.Services() != 0 || g.Instances() != 0 {
		t.Errorf("an empty store shows %+v", g)
	}
	apply(s, batch(put(2, "n/s/a", value(1, "")), put(3, "n/o/_status/a", `{"status":"down"}`)))
	g = s.Load()
	long := strings.Repeat("x", 1000)
	for _, name := range [][2]string{{"n", "o"}, {"n", ""}, {"", "s"}, {"n/s", ""}, {"n", "s/a"}, {"n\x00s", ""}, {"", "n\x00s"}, {"N", "s"}, {long, "s"}, {"n", long}} {
		if got := g.Service(name[0], name[1]); got != nil {
			t.Errorf("Service(%q, %q) is %s", name[0], name[1], showService(got))
		}
	}
	if g.Service("n", "s") == nil {
		t.Error("n/s is not found")
	}
}

// TestImmutable checks that generations stay as they are, whatever comes after.
func TestImmutable(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(
		put(2, "n/s/a", value(1, "")), put(3, "n/s/b", value(2, "")), put(4, "n/s/c", value(3, "")),
		put(5, "n/t/a", value(4, "")), put(6, "n/s/_status/b", `{"status":"draining"}`),
	))
	later := []commit{
		batch(put(7, "n/s/a", value(9, `"status":"down"`))),
		batch(del(8, "n/s/b")),
		batch(put(9, "n/s/aa", value(5, ""))),
		batch(put(10, "n/s/d", value(5, "")), put(11, "n/s/e", value(5, ""))),
		batch(put(12, "n/s/_status/c", `{"status":"down"}`), put(13, "n/s/_status/a", `{"status":"draining"}`)),
		batch(del(14, "n/s/_status/c"), del(15, "n/s/_status/b")),
		batch(put(16, "n/s/b", value(6, ""))),
		batch(del(17, "n/t/a"), put(18, "n/u/a", value(1, ""))),
		batch(put(19, "n/s/a", "bad")),
		{Revision: 4, Regressed: true},
	}
	type shown struct {
		g      *Generation
		lines  []string
		serial uint32
	}
	var before []shown
	for _, b := range later {
		g := s.Load()
		before = append(before, shown{g, append(show(g), names(g.Namespace("n"))...), g.Serial()})
		apply(s, b)
	}
	for i, b := range before {
		if got := append(show(b.g), names(b.g.Namespace("n"))...); !slices.Equal(got, b.lines) {
			t.Errorf("generation %d became\n%v, was\n%v", i, got, b.lines)
		}
		if b.g.Serial() != b.serial {
			t.Errorf("serial of generation %d became %d, was %d", i, b.g.Serial(), b.serial)
		}
		if err := check(b.g); err != nil {
			t.Errorf("generation %d: %v", i, err)
		}
	}
}

// TestUntouchedServicesAreShared: readers keep what they made of a service for
// as long as its pointer stays.
func TestUntouchedServicesAreShared(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(put(2, "n/s/a", value(1, "")), put(3, "n/t/a", value(1, ""))))
	old := s.Load()
	apply(s, batch(put(4, "n/s/b", value(1, ""))))
	apply(s, commit{Revision: 9})
	if s.Load().Service("n", "t") != old.Service("n", "t") {
		t.Error("a service that was not touched is another one")
	}
	if s.Load().Service("n", "s") == old.Service("n", "s") {
		t.Error("a service that was touched is the same one")
	}
}

// TestNothingRemains checks that the store holds no more than what is stored.
func TestNothingRemains(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(
		put(2, "n/bad/_status/a", "?"), put(3, "n/bad/a", "?"), put(4, "n/gone/a", value(1, "")), put(5, "n/gone/_status/a", `{"status":"down"}`),
		del(6, "n/gone/a"), del(7, "n/gone/_status/a"), put(8, "n/up/_status/a", `{"status":"up"}`),
	))
	if n := s.Load().Services(); n != 0 {
		t.Errorf("%d services remain that have neither instance nor override", n)
	}
	var events []mirror.Event
	for i := range 100 {
		events = append(events, put(int64(10+i), fmt.Sprintf("n/s/i%02d", i), value(1, "")))
	}
	apply(s, batch(events...))
	for i := range 90 {
		apply(s, batch(del(int64(200+i), fmt.Sprintf("n/s/i%02d", i))))
		if in := s.Load().Service("n", "s").Instances(); len(in) != 99-i || cap(in) != len(in) {
			t.Fatalf("%d instances in %d places", len(in), cap(in))
		}
	}
}

// TestReadersBesideWriters reads whole generations while two mirrors write:
// every one is consistent. Each writer keeps two instances equal.
func TestReadersBesideWriters(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	const rounds = 500
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	for _, namespace := range []string{"m", "n"} {
		writers.Go(func() {
			for i := range rounds {
				r, v := int64(2+i), value(1+i, "")
				apply(s, batch(put(r, namespace+"/s/a", v), put(r, namespace+"/s/b", v), put(r, namespace+"/s/_status/a", `{"status":"down"}`)))
				if i%10 == 9 {
					apply(s, batch(del(r, namespace+"/s/a"), del(r, namespace+"/s/b"), del(r, namespace+"/s/_status/a")))
				}
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			for seen := uint32(0); ; {
				g := s.Load()
				if err := check(g); err != nil {
					t.Error(err)
					return
				}
				for svc := range g.All() {
					if list := svc.Instances(); len(list) != 2 || list[0].Weight != list[1].Weight || list[0].Status != "down" || list[1].Status != "up" {
						t.Errorf("torn: %s", showService(svc))
						return
					}
				}
				serial := g.Serial()
				if int32(serial-seen) < 0 {
					t.Errorf("serial %d after %d", serial, seen)
					return
				}
				seen = serial
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}
